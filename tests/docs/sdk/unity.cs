// What the sample for Unity calls, as Agora's SDK and Unity declare it.
using System;
using System.Collections;

namespace Agora.Rtc {
    public enum CHANNEL_PROFILE_TYPE { CHANNEL_PROFILE_LIVE_BROADCASTING = 1 }
    public enum CLIENT_ROLE_TYPE { CLIENT_ROLE_BROADCASTER = 1, CLIENT_ROLE_AUDIENCE = 2 }

    public class RtcConnection { }

    public class RtcEngineContext {
        public string appId;
        public CHANNEL_PROFILE_TYPE channelProfile;
    }

    public abstract class IRtcEngineEventHandler {
        public virtual void OnRequestToken(RtcConnection connection) { }
        public virtual void OnTokenPrivilegeWillExpire(RtcConnection connection, string token) { }
    }

    public abstract class IRtcEngine {
        public abstract int Initialize(RtcEngineContext context);
        public abstract int InitEventHandler(IRtcEngineEventHandler engineEventHandler);
        public abstract int SetClientRole(CLIENT_ROLE_TYPE role);
        public abstract int JoinChannel(string token, string channelId, string info = "", uint uid = 0);
        public abstract int JoinChannelWithUserAccount(string token, string channelId, string userAccount);
        public abstract int RenewToken(string token);
    }

    public static class RtcEngine {
        public static IRtcEngine CreateAgoraRtcEngine() { return null; }
    }
}

namespace UnityEngine {
    public class Coroutine { }

    public class MonoBehaviour {
        public Coroutine StartCoroutine(IEnumerator routine) { return null; }
    }

    public static class JsonUtility {
        public static string ToJson(object obj) { return null; }
        public static T FromJson<T>(string json) { return default(T); }
    }

    public static class Debug {
        public static void LogError(object message) { }
    }
}

namespace UnityEngine.Networking {
    public class UploadHandler { }

    public class UploadHandlerRaw : UploadHandler {
        public UploadHandlerRaw(byte[] data) { }
    }

    public class DownloadHandler {
        public string text { get { return null; } }
    }

    public class DownloadHandlerBuffer : DownloadHandler { }

    public class UnityWebRequestAsyncOperation { }

    public class UnityWebRequest : IDisposable {
        public enum Result { InProgress, Success, ConnectionError, ProtocolError, DataProcessingError }
        public UnityWebRequest(string url, string method) { }
        public UploadHandler uploadHandler { get; set; }
        public DownloadHandler downloadHandler { get; set; }
        public string error { get { return null; } }
        public Result result { get { return Result.Success; } }
        public void SetRequestHeader(string name, string value) { }
        public UnityWebRequestAsyncOperation SendWebRequest() { return null; }
        public void Dispose() { }
    }
}
