// In the place of Agora's SDK: notes what it is asked, and says that the token ends.
export const calls = [];

const client = {
  listeners: {},
  on(event, listener) {
    this.listeners[event] = listener;
  },
  async join(...words) {
    calls.push(["join", ...words]);
  },
  async renewToken(token) {
    calls.push(["renewToken", token]);
  },
};

export const says = (event) => client.listeners[event]();
export default { createClient: () => client };
