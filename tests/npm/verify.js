// Verifies and decodes tokens with Agora's own npm package, so that ours are judged by theirs.
//
//   node verify.js CERTIFICATE < tokens, one a line
//
// prints for each "ok" or "bad" and what the token says as JSON.  Exit status 1 when one was bad.
// Packages are looked for here and in NODE_PATH.
'use strict'

const { AccessToken2 } = require('agora-token/src/AccessToken2')

// A name as text, or as {"hex"} where it is not UTF-8.
function name(bytes) {
	const text = bytes.toString('utf8')

	return Buffer.from(text, 'utf8').equals(bytes) ? text : { hex: bytes.toString('hex') }
}

// The members that `agora-token inspect --json` gives a service of this type.
const fields = {
	1: { channelName: '__channel_name', uid: '__uid' },
	2: { userId: '__user_id' },
	3: { channelName: '__channel_name', account: '__account' },
	4: {},
	5: { userId: '__user_id' },
	6: { channelName: '__channel_name', account: '__account' },
	7: { roomUuid: '__room_uuid', userUuid: '__user_uuid' },
	8: { userId: '__user_id' },
	9: {},
	10: {},
}

function permissions(details) {
	const list = []

	for (const resource of Object.keys(details))
		for (const permission of Object.keys(details[resource]))
			list.push({
				resource: Number(resource),
				permission: Number(permission),
				resources: details[resource][permission],
			})
	return list
}

function service(s) {
	const type = s.service_type()
	const privileges = Object.entries(s.__privileges)
	const out = {
		type,
		privileges: privileges.map(([id, expire]) => ({ id: Number(id), expire })),
	}

	for (const [member, from] of Object.entries(fields[type]))
		out[member] = name(s[from])
	// The package reads the role without its sign.
	if (type === 7)
		out.role = s.__role > 32767 ? s.__role - 65536 : s.__role
	if (type === 8)
		out.permissions = permissions(s.__permissions.details)
	return out
}

// {"ok"} and, where the package can parse it, the rest.
function verify(token, certificate) {
	const parsed = new AccessToken2('', '', 1, 0)

	if (!parsed.from_string(token))
		return { ok: false }
	return {
		ok: parsed.verifySignature(certificate),
		appId: parsed.appId.toString('utf8'),
		issueTs: parsed.issueTs,
		expire: parsed.expire,
		salt: parsed.salt,
		services: parsed.services.map(service),
	}
}

module.exports = { verify }

if (require.main === module) {
	if (process.argv.length !== 3) {
		console.error('usage: node verify.js CERTIFICATE < TOKENS')
		process.exit(64)
	}
	const lines = require('fs').readFileSync(0, 'latin1').replace(/\n$/, '').split('\n')

	for (const line of lines) {
		const { ok, ...said } = verify(line, process.argv[2])

		console.log(`${ok ? 'ok' : 'bad'} ${JSON.stringify(said)}`)
		if (!ok)
			process.exitCode = 1
	}
}
