// In the place of Agora's SDK: notes what it is asked, and says that the token ends.
export const calls = [];
export const ChannelProfileType = { ChannelProfileLiveBroadcasting: 1 };
export const ClientRoleType = { ClientRoleBroadcaster: 1, ClientRoleAudience: 2 };

const engine = {
  initialize(context) {
    calls.push(["initialize", context]);
  },
  registerEventHandler(handler) {
    this.handler = handler;
  },
  joinChannel(token, channel, uid, options) {
    calls.push(["joinChannel", token, channel, uid, options]);
  },
  joinChannelWithUserAccount(token, channel, account, options) {
    calls.push(["joinChannelWithUserAccount", token, channel, account, options]);
  },
  renewToken(token) {
    calls.push(["renewToken", token]);
  },
};

export const createAgoraRtcEngine = () => engine;
export const says = (event) => engine.handler[event]();
