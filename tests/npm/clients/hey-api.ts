// Asks for tokens with the client that @hey-api/openapi-ts makes of the API's description.
import { client } from "./made/hey-api/client.gen";
import { postGetToken } from "./made/hey-api/sdk.gen";
import type { CloudRecordingStartRequest, GetTokenRequest, RttStartRequest } from "./made/hey-api";

declare const process: { env: Record<string, string> };

client.setConfig({ baseUrl: process.env.PLACE, auth: () => process.env.KEY });
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
	const { data, error } = await postGetToken({ body });

	if (!data)
		throw new Error(error.error);
	return data.token;
}

async function main() {
	const tokens = [await token(words), await token(numbers)];
	const refused = await postGetToken({ body: wrong });
	const unknown = await postGetToken({ body: words, auth: () => undefined });

	console.log(JSON.stringify({ tokens, codes: [refused.error?.code, unknown.error?.code],
		field: refused.error?.field }));
}

main();
