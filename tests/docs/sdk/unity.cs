// In the place of Agora's SDK and Unity, as they declare what the sample calls.  It prints what the SDK is
// asked, a JSON array a line, and says that the token ends.
using System;
using System.Collections;

public static class Driver {
    public static string Env(string name) { return Environment.GetEnvironmentVariable(name); }

    public static void Note(params string[] words) {
        var quoted = Array.ConvertAll(words, w => "\"" + w.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"");
        Console.WriteLine("[" + string.Join(",", quoted) + "]");
    }

    public static void Main() {
        var call = new Call {
            appId = Env("APP"), channel = Env("CHANNEL"), uid = Env("JOINS_AS") ?? "",
            publishes = Env("ROLE") == "publisher", login = () => Env("CREDENTIAL"),
        };
        typeof(Call).GetMethod("Start", System.Reflection.BindingFlags.NonPublic |
            System.Reflection.BindingFlags.Instance).Invoke(call, null);
        Agora.Rtc.RtcEngine.Handler.OnTokenPrivilegeWillExpire(null, "");
        Agora.Rtc.RtcEngine.Handler.OnRequestToken(null);
    }
}

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

    public class IRtcEngine {
        private CLIENT_ROLE_TYPE role;

        public int Initialize(RtcEngineContext context) { return 0; }
        public int InitEventHandler(IRtcEngineEventHandler handler) {
            RtcEngine.Handler = handler;
            return 0;
        }
        public int SetClientRole(CLIENT_ROLE_TYPE role) {
            this.role = role;
            return 0;
        }
        private string Role { get { return ((int) role).ToString(); } }
        public int JoinChannel(string token, string channelId, string info = "", uint uid = 0) {
            Driver.Note("joinChannel", token, channelId, uid.ToString(), Role);
            return 0;
        }
        public int JoinChannelWithUserAccount(string token, string channelId, string userAccount) {
            Driver.Note("joinChannelWithUserAccount", token, channelId, userAccount, Role);
            return 0;
        }
        public int RenewToken(string token) {
            Driver.Note("renewToken", token);
            return 0;
        }
    }

    public static class RtcEngine {
        public static IRtcEngineEventHandler Handler;
        public static IRtcEngine CreateAgoraRtcEngine() { return new IRtcEngine(); }
    }
}

namespace UnityEngine {
    public class Coroutine { }

    public class MonoBehaviour {
        public Coroutine StartCoroutine(IEnumerator routine) {
            while (routine.MoveNext()) { }
            return null;
        }
    }

    // Of public members that are texts, which is all that the sample has.
    public static class JsonUtility {
        public static string ToJson(object obj) {
            var members = Array.ConvertAll(obj.GetType().GetFields(),
                f => "\"" + f.Name + "\":\"" + (f.GetValue(obj) ?? "") + "\"");
            return "{" + string.Join(",", members) + "}";
        }
        public static T FromJson<T>(string json) {
            var made = Activator.CreateInstance<T>();
            foreach (var field in typeof(T).GetFields()) {
                var found = System.Text.RegularExpressions.Regex.Match(json, "\"" + field.Name + "\":\"([^\"]*)\"");
                if (found.Success) field.SetValue(made, found.Groups[1].Value);
            }
            return made;
        }
    }

    public static class Debug {
        public static void LogError(object message) { Driver.Note("error", message.ToString()); }
    }
}

namespace UnityEngine.Networking {
    public class UploadHandler { public byte[] data; }

    public class UploadHandlerRaw : UploadHandler {
        public UploadHandlerRaw(byte[] data) { this.data = data; }
    }

    public class DownloadHandler { public string text { get; set; } }

    public class DownloadHandlerBuffer : DownloadHandler { }

    public class UnityWebRequestAsyncOperation { }

    public class UnityWebRequest : IDisposable {
        public enum Result { InProgress, Success, ConnectionError, ProtocolError, DataProcessingError }
        private readonly System.Net.WebClient client = new System.Net.WebClient();
        private readonly string url, method;

        public UnityWebRequest(string url, string method) {
            this.url = url;
            this.method = method;
            if (Driver.Env("COOKIE") != null) client.Headers.Add("Cookie", "login=" + Driver.Env("COOKIE"));
        }
        public UploadHandler uploadHandler { get; set; }
        public DownloadHandler downloadHandler { get; set; }
        public string error { get; private set; }
        public Result result { get; private set; }
        public void SetRequestHeader(string name, string value) { client.Headers.Add(name, value); }
        public UnityWebRequestAsyncOperation SendWebRequest() {
            try {
                downloadHandler.text = System.Text.Encoding.UTF8.GetString(
                    client.UploadData(url, method, uploadHandler.data));
                result = Result.Success;
            } catch (System.Net.WebException e) {
                error = e.Message;
                result = Result.ProtocolError;
                if (e.Response != null)
                    downloadHandler.text = new System.IO.StreamReader(e.Response.GetResponseStream()).ReadToEnd();
            }
            return null;
        }
        public void Dispose() { client.Dispose(); }
    }
}
