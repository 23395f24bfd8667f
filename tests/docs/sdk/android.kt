// In the place of Agora's SDK and Android, as they declare what the sample calls: a file for each package.
// It prints what the SDK is asked, a JSON array a line, and says that the token ends.
import android.content.Context
import io.agora.rtc2.Asked
import java.net.CookieHandler
import java.net.CookieManager
import java.net.HttpCookie
import java.net.URI
import java.util.concurrent.TimeUnit
import kotlin.system.exitProcess

object Driver {
    private fun env(name: String): String? = System.getenv(name)

    @JvmStatic
    fun main(args: Array<String>) {
        env("COOKIE")?.let {
            val cookie = HttpCookie("login", it)
            cookie.version = 0
            cookie.path = "/"
            val manager = CookieManager()
            manager.cookieStore.add(URI(env("PLACE")), cookie)
            CookieHandler.setDefault(manager)
        }
        val call = Call(env("APP")!!, env("CHANNEL")!!, env("JOINS_AS"), env("ROLE") == "publisher") {
            env("CREDENTIAL")
        }
        call.join(Context())
        call.onTokenPrivilegeWillExpire(null)
        call.onRequestToken()
        Asked.all.await(30, TimeUnit.SECONDS)
        Asked.lines.forEach(::println)
        exitProcess(0)
    }
}

package android.content

open class Context

package android.util

object Log {
    @JvmStatic
    fun e(tag: String, message: String, error: Throwable): Int {
        io.agora.rtc2.Asked.note("error", "$message: ${error.message}")
        return 0
    }
}

package org.json

/** Members that are texts and numbers alone, which is all that the sample has. */
class JSONObject() {
    private val members = LinkedHashMap<String, Any>()

    constructor(json: String) : this() {
        for (found in Regex("\"(\\w+)\":(?:\"([^\"\\\\]*)\"|(-?\\d+))").findAll(json))
            members[found.groupValues[1]] = found.groupValues[2] + found.groupValues[3]
    }

    fun put(name: String, value: Any?): JSONObject {
        if (value != null) members[name] = value
        return this
    }

    fun getString(name: String): String = members[name]?.toString() ?: throw Exception("No value for $name")
    fun optString(name: String, fallback: String): String = members[name]?.toString() ?: fallback
    override fun toString(): String =
        members.entries.joinToString(",", "{", "}") { "\"${it.key}\":\"${it.value}\"" }
}

package io.agora.rtc2

import java.util.Collections
import java.util.concurrent.CountDownLatch

object Asked {
    val all = CountDownLatch(3)
    val lines: MutableList<String> = Collections.synchronizedList(ArrayList<String>())

    fun note(vararg words: String): Int {
        lines.add(words.joinToString(",", "[", "]") {
            "\"" + it.replace("\\", "\\\\").replace("\"", "\\\"") + "\""
        })
        all.countDown()
        return 0
    }
}

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

open class RtcEngine {
    fun joinChannel(token: String?, channelId: String, uid: Int, options: ChannelMediaOptions): Int =
        Asked.note("joinChannel", "$token", channelId, "${uid.toLong() and 0xffffffffL}", "${options.clientRoleType}")

    fun joinChannelWithUserAccount(
        token: String?, channelId: String, userAccount: String, options: ChannelMediaOptions
    ): Int = Asked.note("joinChannelWithUserAccount", "$token", channelId, userAccount, "${options.clientRoleType}")

    fun renewToken(token: String?): Int = Asked.note("renewToken", "$token")

    companion object {
        @JvmStatic
        fun create(context: android.content.Context, appId: String, handler: IRtcEngineEventHandler): RtcEngine =
            RtcEngine()
    }
}
