"""Channel management: C.8 of the reference."""

from cases_recording import changed
from client import APP_ID
from expecting import gives, has, same

RULES = "/dev/v1/kicking-rule"
CHANNELS = "/dev/v1/channel"
RULE = {"appid": APP_ID, "cname": "channel1", "uid": 589517928, "ip": "", "time": 60,
        "privileges": ["join_channel"]}
RULE.pop("ip")


def rules(s):
    return gives(s.call("GET", f"{RULES}?appid={APP_ID}"), 200).json["rules"]


def made(s, body):
    return has(s.call("POST", RULES, body), 200, status="success")["id"]


def test_kicking_rules(s):
    number = made(s, RULE)
    (rule,) = rules(s)
    same(set(rule), {"id", "appid", "uid", "opid", "cname", "ip", "ts", "privileges", "createAt",
                     "updateAt"}, "members")
    same((rule["id"], rule["uid"], rule["cname"]), (number, 589517928, "channel1"), "rule")
    change = {"appid": APP_ID, "id": number, "time_in_seconds": 100}
    got = has(s.call("PUT", RULES, change), 200, status="success")
    same(got["result"]["id"], number, "result")
    s.advance(101)
    same(rules(s), [], "expired")
    gives(s.call("PUT", RULES, change), 400)
    number = made(s, changed(RULE, "time"))
    s.advance(3590)
    same(len(rules(s)), 1, "an hour unless told")
    end = {"appid": APP_ID, "id": number}
    gives(s.call("DELETE", RULES, end), 200, {"status": "success", "id": number})
    gives(s.call("DELETE", RULES, end), 400)
    same(rules(s), [], "deleted")


def test_durations_are_clamped(s):
    made(s, changed(RULE, "time", 5000))
    made(s, changed(changed(RULE, "time"), "time_in_seconds", 1))
    made(s, changed(RULE, "time", 0))  # kicked once, no rule stays
    s.advance(9)
    same(len(rules(s)), 2, "10 s at least")
    s.advance(2)
    same(len(rules(s)), 1, "over")
    s.advance(86400)
    same(len(rules(s)), 0, "a day at most")


def test_kicking_refuses(s):
    for path, value in (
        ("appid", ...), ("appid", "f" * 32), ("uid", "589517928"), ("uid", 0), ("cname", ""),
        ("cname", "a/b"), ("time", -1), ("time", "60"), ("time_in_seconds", 60),
        ("privileges", ...), ("privileges", []), ("privileges", ["join"]), ("ip", "host"),
    ):
        gives(s.call("POST", RULES, changed(RULE, path, value)), 400)
    nobody = changed(changed(RULE, "cname"), "uid")
    gives(s.call("POST", RULES, nobody), 400)
    gives(s.call("GET", RULES), 400)
    gives(s.call("POST", RULES, RULE, {"Content-Type": "text/plain"}), 415)
    same(s.state("channels")["rulesMade"], 0, "rules")


def test_channel_queries(s):
    s.config(channels={"talk": {"users": [1, 2]},
                       "show": {"broadcasters": [3], "audience": [4, 5, 6]}})
    got = gives(s.call("GET", f"{CHANNELS}/{APP_ID}?page_no=0&page_size=1"), 200).json
    same(got, {"success": True, "data": {"channels": [{"channel_name": "show", "user_count": 4}],
                                         "total_size": 2}}, "channels")
    gives(s.call("GET", f"{CHANNELS}/{APP_ID}?page_size=501"), 400)

    def users(path):
        got = gives(s.call("GET", f"{CHANNELS}/user/{path}"), 200).json
        same(got["success"], True, "success")
        return got["data"]

    same(users(f"{APP_ID}/talk"), {"channel_exist": True, "mode": 1, "total": 2, "users": [1, 2]},
         "communication")
    same(users(f"{APP_ID}/show"), {"channel_exist": True, "mode": 2, "broadcasters": [3],
                                   "audience": [4, 5, 6], "audience_total": 3}, "live")
    same(users(f"{APP_ID}/show/hosts_only"), {"channel_exist": True, "mode": 2,
                                              "broadcasters": [3]}, "hosts")
    same(users(f"{APP_ID}/none"), {"channel_exist": False}, "no channel")
    got = users(f"property/{APP_ID}/3/show")
    same((got["in_channel"], got["role"], got["uid"]), (True, 2, 3), "property")
    same(users(f"property/{APP_ID}/9/show"), {"in_channel": False}, "not there")


def test_sender_addresses(s):
    got = gives(s.call("GET", "/v2/ncs/ip"), 200).json
    same(got["data"]["service"]["hosts"], [{"primaryIP": "127.0.0.1"}], "hosts")
