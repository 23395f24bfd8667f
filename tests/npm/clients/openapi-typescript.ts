// Asks for tokens with openapi-fetch and the types that openapi-typescript makes of the API's description.
import createClient from "openapi-fetch";
import type { components, paths } from "./made/openapi-typescript/api";

declare const process: { env: Record<string, string> };

type GetTokenRequest = components["schemas"]["GetTokenRequest"];
const headers = { Authorization: `Bearer ${process.env.KEY}` };
const client = createClient<paths>({ baseUrl: process.env.PLACE });
// What has a default may be left out.
const words: GetTokenRequest = { tokenType: "rtc", channel: "lobby", uid: "42" };
const numbers: GetTokenRequest = { tokenType: "rtc", channel: "lobby", uid: 42, role: 1, expire: 600 };
const wrong: GetTokenRequest = { tokenType: "rtc", channel: "lobby", uid: "", role: "2" };
export const recording: components["schemas"]["CloudRecordingStartRequest"] = { channelName: "lobby" };
export const transcription: components["schemas"]["RttStartRequest"] =
	{ channelName: "lobby", languages: ["en-US"], cryptionMode: 8 };
// @ts-expect-error: there is none of this name
export const role: GetTokenRequest = { tokenType: "rtc", channel: "lobby", role: "teacher" };
// @ts-expect-error: a kind that has no channel
export const kind: GetTokenRequest = { tokenType: "chat", uid: "ann", channel: "lobby" };

async function token(body: GetTokenRequest): Promise<string> {
	const { data, error } = await client.POST("/getToken", { body, headers });

	if (!data)
		throw new Error(error.error);
	return data.token;
}

async function main() {
	const tokens = [await token(words), await token(numbers)];
	const refused = await client.POST("/getToken", { body: wrong, headers });
	const unknown = await client.POST("/getToken", { body: words });

	console.log(JSON.stringify({ tokens, codes: [refused.error?.code, unknown.error?.code],
		field: refused.error?.field }));
}

main();
