// What the sample for Android calls, as Agora's SDK and Android declare it: a file for each package.
package android.content

open class Context

package android.util

object Log {
    @JvmStatic
    fun e(tag: String, message: String, error: Throwable): Int = 0
}

package org.json

class JSONObject() {
    constructor(json: String) : this()

    fun put(name: String, value: Any?): JSONObject = this
    fun getString(name: String): String = ""
    fun optString(name: String, fallback: String): String = ""
}

package io.agora.rtc2

class ChannelMediaOptions {
    @JvmField
    var channelProfile: Int? = null

    @JvmField
    var clientRoleType: Int? = null
}

object Constants {
    const val CHANNEL_PROFILE_LIVE_BROADCASTING = 1
    const val CLIENT_ROLE_BROADCASTER = 1
    const val CLIENT_ROLE_AUDIENCE = 2
}

abstract class IRtcEngineEventHandler {
    open fun onTokenPrivilegeWillExpire(token: String?) {}
    open fun onRequestToken() {}
}

abstract class RtcEngine {
    abstract fun joinChannel(token: String?, channelId: String, uid: Int, options: ChannelMediaOptions): Int
    abstract fun joinChannelWithUserAccount(
        token: String?, channelId: String, userAccount: String, options: ChannelMediaOptions
    ): Int
    abstract fun renewToken(token: String?): Int

    companion object {
        @JvmStatic
        fun create(context: android.content.Context, appId: String, handler: IRtcEngineEventHandler): RtcEngine =
            throw Exception()
    }
}
