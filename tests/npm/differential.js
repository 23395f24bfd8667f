// agora-token(1) against Agora's npm packages, both ways, with random inputs.
//
//   node differential.js PROGRAM [SEED]
//
// Packages are looked for here and in NODE_PATH.  The last line counts; exit status 1 on failure.
'use strict'

const assert = require('assert')
const { spawnSync } = require('child_process')
const zlib = require('zlib')

const agora = require('agora-token')
const raw = require('agora-token/src/AccessToken2')
const old = require('agora-access-token')
const { verify } = require('./verify.js')

const ROUNDS = 6
const program = process.argv[2]
const seed = Number(process.argv[3] || Math.floor(Math.random() * 2 ** 32)) >>> 0

// Random inputs (mulberry32)

let state = seed

function random() {
	state = (state + 0x6d2b79f5) | 0
	let t = Math.imul(state ^ (state >>> 15), 1 | state)

	t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
	return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

const below = n => Math.floor(random() * n)
const pick = list => list[below(list.length)]
const times = (n, f) => Array.from({ length: n }, f)
const string = (alphabet, min, max) =>
	times(min + below(max - min + 1), () => pick(alphabet)).join('')

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const digits = '0123456789'
const legal = [...(letters + digits + ' !#$%&()+-:;<=.>?@[]^_{}|~,')]
const legalChat = [...'abcdefghijklmnopqrstuvwxyz0123456789_-.']
const any = [...legal, '*', '/', '"', '\\', '\0', '\n', '\u007f', 'é', '会', '\ud83c\udfa7',
	'\ufeff']

const hex32 = () => string([...'0123456789abcdefABCDEF'], 32, 32)
const u32 = () => pick([0, 1, 4294967295, 2147483648, below(4294967296), below(100000)])
const seconds = () => pick([1, 3600, 86400, 1 + below(86400)])
// What no builder checks, and what our own request table lets through.
const name = () =>
	pick(['', '0', '*', string(any, 0, 20), string(any, 1, 70), string(any, 400, 900)])
const channel = () => pick([string(legal, 1, 64), '*', 'a*', string(legal, 64, 64)])
const account = () => pick([string(legal, 1, 255), '*', '007', '4294967296'])
const user = () => string(legal, 1, 64).replace(/^0$/, 'zero')
const chatUser = () => string(legalChat, 1, 64).replace(/^0$/, 'zero')
const uid = () => pick([0, 1, 4294967295, below(4294967296)])

// The program

function run(args, input, credentials) {
	const env = { ...process.env, APP_ID: credentials.appId, APP_CERTIFICATE: credentials.certificate }
	const done = spawnSync(program, args, { input, env, encoding: 'utf8', maxBuffer: 1 << 26 })

	if (done.error)
		throw done.error
	return done
}

function output(args, input, credentials, status = 0) {
	const done = run(args, input, credentials)

	assert.strictEqual(done.stderr, '', `agora-token ${args[0]}: stderr`)
	assert.strictEqual(done.status, status, `agora-token ${args[0]}: exit status`)
	return done.stdout
}

const content = token => zlib.inflateSync(Buffer.from(token.slice(3), 'base64')).toString('hex')

// What a token should say, in the words of inspect --json

const privilegeNames = {
	1: [, 'joinChannel', 'publishAudioStream', 'publishVideoStream', 'publishDataStream'],
	2: [, 'login'],
	3: [, 'publishMixStream', 'publishRawStream'],
	4: [, 'login'],
	5: [, 'user', 'app'],
	6: [, 'publish', 'play'],
	7: [, 'roomUser', 'user', 'app'],
	8: [, 'login'],
}
const serviceNames = [, 'RTC', 'RTM', 'Streaming', 'FPA', 'Chat', 'FCDN', 'APaaS', 'RTM2',
	'ConvoAI', 'STT']

const service = (type, privileges, rest = {}) => ({ type, privileges, ...rest })
const p = map => Object.entries(map).map(([id, expire]) => ({ id: Number(id), expire }))

const rtc = (channelName, uidText, privileges) =>
	service(1, privileges, { channelName, uid: uidText === 0 ? '' : String(uidText) })
const rtm = (userId, expire) => service(2, p({ 1: expire }), { userId })
const chat = (userId, privileges) => service(5, privileges, { userId })
const apaas = (roomUuid, userUuid, role, privileges) =>
	service(7, privileges, { roomUuid, userUuid, role })
const byRole = (role, join, audio, video, data) =>
	p(role === 1 ? { 1: join, 2: audio, 3: video, 4: data } : { 1: join })
const md5 = text => require('crypto').createHash('md5').update(text).digest('hex')

// With the names that inspect adds, in its order of members.
function named(s) {
	const { type, privileges, ...rest } = s

	return {
		type,
		name: serviceNames[type],
		privileges: privileges.map(({ id, expire }) => ({
			id,
			...((privilegeNames[type] || [])[id] && { name: privilegeNames[type][id] }),
			expire,
		})),
		...rest,
	}
}

// The package takes time and salt from these two.
function frozen(issueTs, salt, build) {
	const { getTime } = Date.prototype
	const { random: nativeRandom } = Math

	Date.prototype.getTime = () => issueTs * 1000
	Math.random = () => (salt - 0.5) / 99999999
	try {
		return build()
	} finally {
		Date.prototype.getTime = getTime
		Math.random = nativeRandom
	}
}

const someone = () => ({
	appId: hex32(),
	certificate: hex32(),
	issueTs: 1 + below(4294967295),
	salt: 1 + below(99999999),
})

// Their builders: arguments behind App ID and certificate, and what the token should say

const role = () => pick([1, 2])

function rtm2Arguments() {
	const [r, te, join, audio, video, data, rtmTe] = [role(), u32(), u32(), u32(), u32(), u32(), u32()]
	const [ch, u, m] = [name(), name(), name()]

	return {
		args: [ch, u, r, te, join, audio, video, data, m, rtmTe],
		expire: te,
		services: [rtc(ch, u, byRole(r, join, audio, video, data)), rtm(m, rtmTe)],
	}
}

function permissionsArgument() {
	const permissions = new agora.Rtm2Permissions()
	const map = new Map()

	for (let n = below(6); n > 0; n--) {
		const [resource, permission] = [below(5), below(2)]
		const resources = times(below(4), name)

		permissions.add(resource, permission, resources)
		map.set(resource * 2 + permission, { resource, permission, resources })
	}
	return [permissions, [...map.keys()].sort((a, b) => a - b).map(key => map.get(key))]
}

// node gives a room token's APaaS service no privilege, and writes role 0 as -1.
function roomUser() {
	const [room, u, r, te] = [name(), name(), below(65536) - 32768, u32()]

	return {
		args: [room, u, r, te],
		expire: te,
		services: [rtm(u, te), chat(md5(u), p({ 1: te })), apaas(room, u, r || -1, [])],
	}
}

function apaasUser() {
	const [u, te] = [name(), u32()]

	return { args: [u, te], expire: te, services: [apaas('', u, -1, p({ 2: te }))] }
}

function apaasApp() {
	const te = u32()

	return { args: [te], expire: te, services: [apaas('', '', -1, p({ 3: te }))] }
}

function withRole(user) {
	const [ch, u, r, te, pe] = [name(), user(), pick([0, 1, 2, 3]), u32(), u32()]

	return { args: [ch, u, r, te, pe], expire: te, services: [rtc(ch, u, byRole(r, pe, pe, pe, pe))] }
}

function withPrivileges(user) {
	const [ch, u, te, ...each] = [name(), user(), u32(), u32(), u32(), u32(), u32()]

	return { args: [ch, u, te, ...each], expire: te, services: [rtc(ch, u, byRole(1, ...each))] }
}

const builders = {
	'RtcTokenBuilder buildTokenWithUid': () => withRole(uid),
	'RtcTokenBuilder buildTokenWithUserAccount': () => withRole(name),
	'RtcTokenBuilder buildTokenWithUidAndPrivilege': () => withPrivileges(uid),
	'RtcTokenBuilder BuildTokenWithUserAccountAndPrivilege': () => withPrivileges(name),
	'RtcTokenBuilder buildTokenWithRtm': () => {
		const { args, expire, services } = withRole(name)

		return { args, expire, services: [...services, rtm(args[1], expire)] }
	},
	'RtcTokenBuilder buildTokenWithRtm2': rtm2Arguments,
	'ConvoAITokenBuilder buildToken': () => {
		const all = rtm2Arguments()

		return { ...all, services: [...all.services, service(9, [])] }
	},
	'SttTokenBuilder buildToken': () => {
		const all = rtm2Arguments()

		return { ...all, services: [...all.services, service(10, [])] }
	},
	'RtmTokenBuilder buildToken': () => {
		const [u, te] = [name(), u32()]

		return { args: [u, te], expire: te, services: [rtm(u, te)] }
	},
	'RtmTokenBuilder buildTokenWithPermissions': () => {
		const [u, te] = [name(), u32()]
		const [permissions, list] = permissionsArgument()

		return {
			args: [u, permissions, te],
			expire: te,
			services: [service(8, p({ 1: te }), { userId: u, permissions: list })],
		}
	},
	'ChatTokenBuilder buildUserToken': () => {
		const [u, te] = [name(), u32()]

		return { args: [u, te], expire: te, services: [chat(u, p({ 1: te }))] }
	},
	'ChatTokenBuilder buildAppToken': () => {
		const te = u32()

		return { args: [te], expire: te, services: [chat('', p({ 2: te }))] }
	},
	'ApaasTokenBuilder buildRoomUserToken': roomUser,
	'ApaasTokenBuilder buildUserToken': apaasUser,
	'ApaasTokenBuilder buildAppToken': apaasApp,
	'EducationTokenBuilder buildRoomUserToken': roomUser,
	'EducationTokenBuilder buildUserToken': apaasUser,
	'EducationTokenBuilder buildAppToken': apaasApp,
	'FpaTokenBuilder buildToken': () => ({
		args: [],
		expire: 86400,
		services: [service(4, p({ 1: 0 }))],
	}),
}

const hints = ['publish_over', 'subscriber_only', 'publish_partly', 'console_token', 'long_lifetime',
	'short_lifetime', 'placeholder_name', 'chat_capitals', 'account_named_zero']
const dayAtMost = expire => Math.min(expire, 86400)
const isLegal = (text, max) =>
	[...text].every(c => c === '*' || legal.includes(c)) && Buffer.byteLength(text) <= max

// One user of RTM, whose token names somebody.
const isUser = text => text !== '0' && !text.includes('*') && isLegal(text, 64)
const has = (service, id) => service.privileges.some(privilege => privilege.id === id)

// What issue refuses is a problem of a token that has it.
const goodNames = {
	1: s => isLegal(s.channelName, 64) && isLegal(s.uid, 255),
	2: s => s.userId !== '' && isUser(s.userId),
	5: s => (s.userId !== '' || !has(s, 1)) && s.userId !== '0' && /^[\w.-]{0,64}$/.test(s.userId),
	7: s => !s.roomUuid.includes('*') && isLegal(s.roomUuid, 64) && (s.roomUuid !== '' || !has(s, 1)) &&
		isUser(s.userUuid) && (s.userUuid !== '' || has(s, 3)),
	8: s => s.userId !== '' && isUser(s.userId),
}

function fromTheirs(key) {
	const [builder, method] = key.split(' ')
	const made = builders[key]()
	const who = someone()
	const token = frozen(who.issueTs, who.salt, () =>
		agora[builder][method](who.appId, who.certificate, ...made.args))
	const by = pick(['-', token])
	const input = by === '-' ? token : ''
	// Their builders take names that Agora refuses.
	const isGood = made.services.every(s => !(s.type in goodNames) || goodNames[s.type](s))
	const text = output(['inspect', '--json', '--now', String(who.issueTs), by], input, who,
		isGood ? 0 : 1)

	const { problems, ...said } = JSON.parse(text)

	assert.deepStrictEqual(said, {
		version: '007',
		appId: who.appId,
		issueTs: who.issueTs,
		expire: made.expire,
		expireAt: who.issueTs + dayAtMost(made.expire),
		salt: who.salt,
		serviceCount: made.services.length,
		services: made.services.map(named),
		complete: true,
		signature: content(token).slice(4, 68),
		signatureValid: true,
		expired: false,
		compared: ['appId'],
		valid: isGood,
	})
	// Nothing else is wrong with it, but there may be a hint; three of them are exact.
	const codes = problems.map(problem => problem.code).filter(code => code !== 'bad_name')
	const subscribes = made.services.some(s => s.type === 1 &&
		!s.privileges.some(privilege => [2, 3, 4].includes(privilege.id)))

	assert.strictEqual(codes.length < problems.length, !isGood, 'bad_name')
	assert.ok(codes.every(code => hints.includes(code)), codes)
	assert.strictEqual(codes.includes('publish_partly'), false, 'publish_partly')
	assert.strictEqual(codes.includes('subscriber_only'), subscribes, 'subscriber_only')
	assert.strictEqual(codes.includes('long_lifetime'), made.expire > 86400, 'long_lifetime')
	const signed = output(['sign'], text, who).trimEnd()

	assert.strictEqual(content(signed), content(token), 'inspect | sign')
}

// Version 006, which we only read

const oldBuilders = {
	'006 buildTokenWithUid': who => {
		const [ch, u, r, pe] = [string(any, 1, 60), uid(), pick([0, 1, 2, 101]), u32()]

		return {
			token: old.RtcTokenBuilder.buildTokenWithUid(who.appId, who.certificate, ch, u, r, pe),
			channel: ch,
			user: String(u),
			privileges: byRole(r === 2 ? 2 : 1, pe, pe, pe, pe),
		}
	},
	'006 buildTokenWithAccount': who => {
		const [ch, u, r, pe] = [string(any, 1, 60), string(any, 2, 60), 1, u32()]

		return {
			token: old.RtcTokenBuilder.buildTokenWithAccount(who.appId, who.certificate, ch, u, r, pe),
			channel: ch,
			user: u,
			privileges: byRole(1, pe, pe, pe, pe),
		}
	},
	'006 RtmTokenBuilder buildToken': who => {
		const [u, pe] = [string(any, 2, 60), u32()]

		return {
			token: old.RtmTokenBuilder.buildToken(who.appId, who.certificate, u, 1, pe),
			channel: '',
			user: u, // whom an RTM token is judged by
			isRtm: true,
			privileges: p({ 1000: pe }),
		}
	},
}

function fromTheirOld(key) {
	const who = someone()
	// An argument cannot hold NUL.
	const made = oldBuilders[key](who)

	if (made.channel.includes('\0') || made.user.includes('\0'))
		return fromTheirOld(key)
	const bytes = Buffer.from(made.token.slice(35), 'base64')
	const args = ['inspect', '--json', '--now', '1', ...(made.isRtm ? [] : [`--channel=${made.channel}`]),
		`--uid=${made.user}`, made.token]
	const isGood = made.isRtm ? isUser(made.user) : isLegal(made.channel, 64) && isLegal(made.user, 255)
	const said = JSON.parse(output(args, '', who, isGood ? 0 : 1))

	assert.strictEqual(said.signatureValid, true)

	assert.deepStrictEqual(
		said.problems.map(problem => problem.code).filter(code => code !== 'placeholder_name'),
		isGood ? ['version_006'] : ['bad_name', 'version_006'])
	assert.strictEqual(said.version, '006')
	assert.strictEqual(said.appId, who.appId)
	assert.strictEqual(said.signature, bytes.toString('hex', 2, 34))
	assert.strictEqual(said.crcChannelName, bytes.readUInt32LE(34))
	assert.strictEqual(said.crcUid, bytes.readUInt32LE(38))
	assert.strictEqual(said.salt, bytes.readUInt32LE(44))
	assert.strictEqual(said.expireAt, bytes.readUInt32LE(48))
	assert.deepStrictEqual(said.privileges.map(({ id, expireAt }) => ({ id, expire: expireAt })),
		made.privileges)
}

// Ours: requests, the builder call that should give the same content, and what it should say

const requests = {
	rtc: () => {
		const [ch, u, r, te] = [channel(), pick([uid, account])(), role(), seconds()]
		const spelt = pick([r, ['', 'publisher', 'subscriber'][r]])

		return {
			request: { channel: ch, uid: u, role: spelt, expire: te },
			theirs: ['RtcTokenBuilder', 'buildTokenWithUserAccount', ch, u, r, te, te],
			expire: te,
			services: [rtc(ch, u, byRole(r, te, te, te, te))],
		}
	},
	'rtc with privileges': () => {
		const [ch, u, te] = [channel(), pick([uid, account])(), seconds()]
		const [join, audio, video, data] = times(4, seconds)

		return {
			request: { channel: ch, uid: u, expire: te, privileges: { join, audio, video, data } },
			theirs: ['RtcTokenBuilder', 'BuildTokenWithUserAccountAndPrivilege', ch, u, te, join,
				audio, video, data],
			expire: te,
			services: [rtc(ch, u, byRole(1, join, audio, video, data))],
		}
	},
	'rtc with an RTM user': () => {
		const [ch, u, r, te, m] = [channel(), account(), role(), seconds(), user()]

		return {
			request: { channel: ch, uid: u, role: r, expire: te, rtmUid: m },
			theirs: ['RtcTokenBuilder', 'buildTokenWithRtm2', ch, u, r, te, te, te, te, te, m, te],
			expire: te,
			services: [rtc(ch, u, byRole(r, te, te, te, te)), rtm(m, te)],
		}
	},
	rtm: () => {
		const [u, te] = [user(), seconds()]

		return {
			request: { uid: u, expire: te },
			theirs: ['RtmTokenBuilder', 'buildToken', u, te],
			expire: te,
			services: [rtm(u, te)],
		}
	},
	// go-tokenbuilder's, which the package does not have.
	'rtm with a channel': () => {
		const [u, ch, te] = [user(), channel(), seconds()]

		return {
			request: { uid: u, channel: ch, expire: te },
			expire: te,
			services: [rtc(ch, u, p({ 1: te, 4: te })), rtm(u, te)],
		}
	},
	rtm2: () => {
		const [u, te] = [user(), seconds()]
		const theirs = new agora.Rtm2Permissions()
		const map = new Map()
		const permissions = times(below(5), () => {
			const one = { resource: below(5), permission: below(2), resources: times(below(4), user) }

			theirs.add(one.resource, one.permission, one.resources)
			map.set(one.resource * 2 + one.permission, one)
			return one
		})

		return {
			request: { uid: u, expire: te, permissions },
			theirs: ['RtmTokenBuilder', 'buildTokenWithPermissions', u, theirs, te],
			expire: te,
			services: [service(8, p({ 1: te }), {
				userId: u,
				permissions: [...map.keys()].sort((a, b) => a - b).map(key => map.get(key)),
			})],
		}
	},
	chat: () => {
		const [u, te] = [chatUser(), seconds()]

		return {
			request: { uid: u, expire: te },
			theirs: ['ChatTokenBuilder', 'buildUserToken', u, te],
			expire: te,
			services: [chat(u, p({ 1: te }))],
		}
	},
	'chat app': () => {
		const te = seconds()

		return {
			request: { expire: te },
			theirs: ['ChatTokenBuilder', 'buildAppToken', te],
			expire: te,
			services: [chat('', p({ 2: te }))],
		}
	},
	// The package's own builder forgets the privilege roomUser.
	'apaas room': () => {
		const [room, u, r, te] = [user(), user(), below(65536) - 32768, seconds()]

		return {
			request: { room, uid: u, role: r, expire: te },
			expire: te,
			services: [rtm(u, te), chat(md5(u), p({ 1: te })), apaas(room, u, r, p({ 1: te }))],
		}
	},
	'apaas user': () => {
		const [u, te] = [user(), seconds()]

		return {
			request: { uid: u, expire: te },
			theirs: ['ApaasTokenBuilder', 'buildUserToken', u, te],
			expire: te,
			services: [apaas('', u, -1, p({ 2: te }))],
		}
	},
	'education app': () => {
		const te = seconds()

		return {
			request: { expire: te },
			theirs: ['EducationTokenBuilder', 'buildAppToken', te],
			expire: te,
			services: [apaas('', '', -1, p({ 3: te }))],
		}
	},
	fpa: () => ({
		request: {},
		theirs: ['FpaTokenBuilder', 'buildToken'],
		expire: 86400,
		services: [service(4, p({ 1: 0 }))],
	}),
	streaming: () => {
		const [ch, u, te] = [channel(), account(), seconds()]

		return {
			request: { channel: ch, uid: u, expire: te },
			expire: te,
			services: [service(3, p({ 1: te, 2: te }), { channelName: ch, account: u })],
		}
	},
	fcdn: () => {
		const [ch, u, r, te] = [channel(), account(), role(), seconds()]

		return {
			request: { channel: ch, uid: u, role: r, expire: te },
			expire: te,
			services: [service(6, p(r === 1 ? { 1: te, 2: te } : { 2: te }),
				{ channelName: ch, account: u })],
		}
	},
	convoai: () => {
		const [ch, u, r, te, m] = [channel(), account(), role(), seconds(), user()]

		return {
			request: { channel: ch, uid: u, role: r, expire: te, rtmUid: m },
			theirs: ['ConvoAITokenBuilder', 'buildToken', ch, u, r, te, te, te, te, te, m, te],
			expire: te,
			services: [rtc(ch, u, byRole(r, te, te, te, te)), rtm(m, te), service(9, [])],
		}
	},
	stt: () => {
		const [ch, u, r, te, m] = [channel(), account(), role(), seconds(), user()]

		return {
			request: { channel: ch, uid: u, role: r, expire: te, rtmUid: m },
			theirs: ['SttTokenBuilder', 'buildToken', ch, u, r, te, te, te, te, te, m, te],
			expire: te,
			services: [rtc(ch, u, byRole(r, te, te, te, te)), rtm(m, te), service(10, [])],
		}
	},
}

function fromOurs(key) {
	const { request, theirs, expire, services } = requests[key]()
	const who = someone()
	const body = JSON.stringify({ tokenType: key.split(' ')[0], ...request })
	const args = ['issue', '--issued-at', String(who.issueTs), '--salt', String(who.salt), '-']
	const token = output(args, body, who).trimEnd()

	assert.deepStrictEqual(verify(token, who.certificate),
		{ ok: true, appId: who.appId, issueTs: who.issueTs, expire, salt: who.salt, services })
	assert.strictEqual(verify(token, hex32()).ok, false, 'another certificate')
	if (theirs) {
		const [builder, method, ...rest] = theirs
		const same = frozen(who.issueTs, who.salt, () =>
			agora[builder][method](who.appId, who.certificate, ...rest))

		assert.strictEqual(content(token), content(same), `${builder}.${method}`)
	}
}

// Descriptions of any services in any order, signed by both

const makers = [
	s => new raw.ServiceRtc(s.channelName, s.uid),
	s => new raw.ServiceRtm(s.userId),
	s => new raw.ServiceStreaming(s.channelName, s.account),
	() => new raw.ServiceFpa(),
	s => new raw.ServiceChat(s.userId),
	s => new raw.ServiceFCdn(s.channelName, s.account),
	s => new raw.ServiceApaas(s.roomUuid, s.userUuid, s.role),
	s => new raw.ServiceRtm2(s.userId, s.theirs),
	() => new raw.ServiceConvoAI(),
	() => new raw.ServiceStt(),
]

function anyService() {
	const type = 1 + below(10)
	const ids = new Set(times(below(5), () => pick([1, 2, 3, 4, 5, 65535, 32768, below(65536)])))
	const s = service(type, [...ids].map(id => ({ id, expire: u32() })))

	if ([1, 3, 6].includes(type))
		s.channelName = name()
	if (type === 1)
		s.uid = name()
	if ([3, 6].includes(type))
		s.account = name()
	if ([2, 5, 8].includes(type))
		s.userId = name()
	if (type === 7)
		Object.assign(s, { roomUuid: name(), userUuid: name(), role: pick([-1, 1, 32767, -32768]) })
	if (type === 8)
		s.permissions = times(below(4), () => ({
			resource: pick([0, 4, below(65536)]),
			permission: pick([0, 1, below(65536)]),
			resources: times(below(3), name),
		}))
	return s
}

function signedByBoth() {
	const who = someone()
	const services = times(1 + below(6), anyService)
	const expire = u32()
	const description = { appId: who.appId, issueTs: who.issueTs, expire, salt: who.salt, services }
	const theirs = new raw.AccessToken2(who.appId, who.certificate, who.issueTs, expire)

	theirs.salt = who.salt
	for (const s of services) {
		const permissions = new raw.Rtm2Permissions()

		for (const one of s.permissions || [])
			permissions.add(one.resource, one.permission, one.resources)
		const made = makers[s.type - 1]({ ...s, theirs: permissions })

		for (const { id, expire: seconds } of s.privileges)
			made.add_privilege(id, seconds)
		theirs.add_service(made)
	}
	const token = output(['sign'], JSON.stringify(description), who).trimEnd()

	assert.strictEqual(content(token), content(theirs.build()))
	assert.strictEqual(verify(token, who.certificate).ok, true)
}

let passed = 0
let failed = 0

function check(key, test) {
	const before = state

	try {
		test(key)
		passed++
	} catch (error) {
		failed++
		console.error(`FAILED ${key} (generator at ${before >>> 0}): ${error.message}`)
	}
}

if (!program) {
	console.error('usage: node differential.js PROGRAM [SEED]')
	process.exit(64)
}
console.log(`seed ${seed}`)
for (let round = 0; round < ROUNDS; round++) {
	for (const key of Object.keys(builders))
		check(key, fromTheirs)
	for (const key of Object.keys(oldBuilders))
		check(key, fromTheirOld)
	for (const key of Object.keys(requests))
		check(key, fromOurs)
	for (let n = 0; n < 12; n++)
		check('sign', signedByBoth)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
