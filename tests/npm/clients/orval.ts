// Asks for tokens with the client that orval makes of the API's description.
import { postGetToken } from "./made/orval/client";
import type { CloudRecordingStartRequest, GetTokenRequest, RttStartRequest } from "./made/orval/client";

declare const process: { env: Record<string, string> };

const headers = { Authorization: `Bearer ${process.env.KEY}` };
// What has a default may be left out.
const words: GetTokenRequest = { tokenType: "rtc", channel: "lobby", uid: "42" };
const numbers: GetTokenRequest = { tokenType: "rtc", channel: "lobby", uid: 42, role: 1, expire: 600 };
const wrong: GetTokenRequest = { tokenType: "rtc", channel: "lobby", uid: "", role: "2" };
export const recording: CloudRecordingStartRequest = { channelName: "lobby" };
export const transcription: RttStartRequest = { channelName: "lobby", languages: ["en-US"], cryptionMode: 8 };
// @ts-expect-error: there is none of this name
export const role: GetTokenRequest = { tokenType: "rtc", channel: "lobby", role: "teacher" };
// @ts-expect-error: a kind that has no channel
export const kind: GetTokenRequest = { tokenType: "chat", uid: "ann", channel: "lobby" };

async function token(body: GetTokenRequest): Promise<string> {
	const answer = await postGetToken(body, { headers });

	if (answer.status !== 200)
		throw new Error(answer.data.error);
	return answer.data.token;
}

async function main() {
	const tokens = [await token(words), await token(numbers)];
	const refused = await postGetToken(wrong, { headers });
	const unknown = await postGetToken(words);

	if (refused.status !== 400 || unknown.status !== 401)
		throw new Error(`${refused.status} ${unknown.status}`);
	console.log(JSON.stringify({ tokens, codes: [refused.data.code, unknown.data.code],
		field: refused.data.field }));
}

main();
