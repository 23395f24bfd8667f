// The console: what a token says and why it is refused, found in the browser alone; and forms for
// what the API does.  A binary string holds bytes, one in each of its characters.

/* Tokens: their wire format, as common/token reads it */

const TOKEN_MAX = 16384
const CONTENT_MAX = 65536
const HEX32 = /^[0-9a-fA-F]{32}$/

const SERVICE_NAMES = {
	1: 'RTC',
	2: 'RTM',
	3: 'Streaming',
	4: 'FPA',
	5: 'Chat',
	6: 'FCDN',
	7: 'APaaS',
	8: 'RTM2',
	9: 'ConvoAI',
	10: 'STT',
}
const PRIVILEGE_NAMES = {
	1: {
		1: 'joinChannel',
		2: 'publishAudioStream',
		3: 'publishVideoStream',
		4: 'publishDataStream',
	},
	2: { 1: 'login' },
	3: { 1: 'publishMixStream', 2: 'publishRawStream' },
	4: { 1: 'login' },
	5: { 1: 'user', 2: 'app' },
	6: { 1: 'publish', 2: 'play' },
	7: { 1: 'roomUser', 2: 'user', 3: 'app' },
	8: { 1: 'login' },
}
const RTC = 1

function utf8(text) {
	let bytes = ''

	for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte)
	return bytes
}

const GOOD_UTF8 =
	'(?:[\\x00-\\x7f]|[\\xc2-\\xdf][\\x80-\\xbf]|\\xe0[\\xa0-\\xbf][\\x80-\\xbf]|' +
	'[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}|\\xed[\\x80-\\x9f][\\x80-\\xbf]|' +
	'\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}|[\\xf1-\\xf3][\\x80-\\xbf]{3}|\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2})+'
const IS_UTF8 = new RegExp(`^(?:${GOOD_UTF8})?$`)

function isUtf8(bytes) {
	return IS_UTF8.test(bytes)
}

/* Each byte that is not UTF-8 becomes the replacement character. */
function fromUtf8(bytes) {
	const decode = (part) =>
		new TextDecoder('utf-8', { ignoreBOM: true }).decode(
			Uint8Array.from(part, (c) => c.charCodeAt(0)),
		)

	return bytes.replace(new RegExp(`(${GOOD_UTF8})|[\\x80-\\xff]`, 'g'), (_, good) =>
		good === undefined ? '\ufffd' : decode(good),
	)
}

function toHex(bytes) {
	return Array.from(bytes, (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('')
}

/* The bounded cursor: after one overrun every read gives nothing, and `failed` stays set. */
class Reader {
	constructor(bytes) {
		this.bytes = bytes
		this.at = 0
		this.failed = false
	}

	take(count) {
		if (this.failed || this.bytes.length - this.at < count) {
			this.failed = true
			return null
		}
		this.at += count
		return this.bytes.slice(this.at - count, this.at)
	}

	number(size) {
		const bytes = this.take(size)
		let value = 0

		for (let i = size - 1; bytes !== null && i >= 0; i--)
			value = value * 256 + bytes.charCodeAt(i)
		return value
	}

	u16() {
		return this.number(2)
	}
	u32() {
		return this.number(4)
	}
	string() {
		return this.take(this.u16())
	}
	get left() {
		return this.failed ? 0 : this.bytes.length - this.at
	}

	privileges() {
		const count = this.u16()
		const list = []

		if (this.left < count * 6) this.failed = true
		for (let i = 0; i < count && !this.failed; i++)
			list.push({ id: this.u16(), expire: this.u32() })
		return list
	}

	permissions() {
		const list = []

		for (let resources = this.u16(); resources > 0 && !this.failed; resources--) {
			const resource = this.u16()

			for (let permissions = this.u16(); permissions > 0 && !this.failed; permissions--) {
				const permission = this.u16()
				const names = []

				for (let left = this.u16(); left > 0 && !this.failed; left--)
					names.push(this.string())
				list.push({ resource, permission, names })
			}
		}
		return list
	}

	/* null: its type is unknown, and where it ends cannot be known. */
	service() {
		const s = { type: this.u16(), channel: null, user: null, room: null, role: null }

		if (!this.failed && !(s.type in SERVICE_NAMES)) return { type: s.type, unknown: true }
		s.privileges = this.privileges()
		switch (s.type) {
			case 1:
			case 3:
			case 6:
				s.channel = this.string()
				s.user = this.string()
				break
			case 2:
			case 5:
				s.user = this.string()
				break
			case 7:
				s.room = this.string()
				s.user = this.string()
				s.role = (this.u16() << 16) >> 16
				break
			case 8:
				s.user = this.string()
				s.permissions = this.permissions()
				break
		}
		return s
	}
}

function hasDuplicate(privileges) {
	return new Set(privileges.map((p) => p.id)).size < privileges.length
}

function parseServices(r, p) {
	let duplicate = false

	for (let i = 0; i < p.serviceCount; i++) {
		const s = r.service()

		if (s.unknown) {
			p.complete = false
			p.firstUnknownType = s.type
			return duplicate ? 'duplicate_privilege' : null
		}
		if (r.failed) return 'truncated'
		p.services.push(s)
		duplicate ||= hasDuplicate(s.privileges)
	}
	if (r.left > 0) return 'trailing_data'
	return duplicate ? 'duplicate_privilege' : null
}

function parse007(content, p) {
	const r = new Reader(content)
	const signature = r.string()

	if (r.failed) return 'truncated'
	if (signature.length !== 32) return 'bad_signature'
	p.signature = signature
	p.appId = r.string()
	p.issueTs = r.u32()
	p.expire = r.u32()
	p.salt = r.u32()
	p.serviceCount = r.u16()
	if (r.failed) return 'truncated'
	p.complete = true
	p.services = []
	if (!HEX32.test(p.appId)) return 'bad_app_id'
	if (p.serviceCount === 0) return 'no_services'
	return parseServices(r, p)
}

function parse006(content, p) {
	const r = new Reader(content)
	const signature = r.string()
	let m

	if (r.failed) return 'truncated'
	if (signature.length !== 32) return 'bad_signature'
	p.signature = signature
	p.channelCrc = r.u32()
	p.userCrc = r.u32()
	p.message = r.string()
	m = new Reader(p.message ?? '')
	p.salt = m.u32()
	p.ts = m.u32()
	p.privileges = m.privileges()
	if (r.failed || m.failed) return 'truncated'
	if (r.left > 0 || m.left > 0) return 'trailing_data'
	p.complete = true
	return hasDuplicate(p.privileges) ? 'duplicate_privilege' : null
}

/* Strict, where atob takes blanks, missing padding and bits that mean nothing. */
function unbase64(text) {
	if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null
	const bytes = atob(text)

	return btoa(bytes) === text ? bytes : null
}

/*
 * Feeds the packed bytes to the browser's own inflater, in pieces of so many.  taken: how many it
 * took before it failed; ended: they were one whole stream.
 */
async function feed(packed, piece) {
	const stream = new DecompressionStream('deflate')
	const writer = stream.writable.getWriter()
	const reader = stream.readable.getReader()
	const result = { content: '', taken: 0, ended: false }
	const collected = (async () => {
		for (;;) {
			const { done, value } = await reader.read()

			if (done) return
			for (let i = 0; i < value.length && result.content.length <= CONTENT_MAX; i++)
				result.content += String.fromCharCode(value[i])
			if (result.content.length > CONTENT_MAX) return reader.cancel()
		}
	})().catch(() => {})

	try {
		for (let at = 0; at < packed.length; at += piece) {
			await writer.write(packed.slice(at, at + piece))
			result.taken = Math.min(at + piece, packed.length)
		}
		await writer.close()
		result.ended = true
	} catch {
		writer.abort().catch(() => {})
	}
	await collected
	return result
}

/* {content} or {error}.  Browsers do not say what is wrong, so it is found by where it fails. */
async function inflate(bytes) {
	const packed = Uint8Array.from(bytes, (c) => c.charCodeAt(0))
	let result = await feed(packed, packed.length)

	if (!result.ended) result = await feed(packed, 1)
	if (result.content.length > CONTENT_MAX) return { error: 'too_large' }
	if (result.ended) return { content: result.content }
	if (result.taken === packed.length) return { error: 'truncated' }
	const before = await feed(packed.slice(0, result.taken), Math.max(result.taken, 1))

	return { error: before.ended ? 'trailing_data' : 'bad_zlib' }
}

/* What a text says as a token; .error is null where it is a good one. */
async function parseToken(text) {
	const p = {
		version: 0,
		appId: null,
		signature: null,
		services: null,
		message: null,
		privileges: null,
		complete: false,
		firstUnknownType: null,
		error: null,
	}
	let packed, inflated

	if (!/^00[67]/.test(text)) {
		p.error =
			text.length === 0
				? 'empty'
				: /^00[1-5]/.test(text)
					? 'unsupported_version'
					: 'bad_version'
		return p
	}
	p.version = Number(text[2])
	if (text.length > TOKEN_MAX) {
		p.error = 'too_large'
		return p
	}
	text = text.slice(3)
	if (p.version === 6) {
		if (text.length < 32 || !HEX32.test(text.slice(0, 32))) {
			p.error = text.length < 32 ? 'truncated' : 'bad_app_id'
			return p
		}
		packed = text.length === 32 ? '' : unbase64(text.slice(32))
		if (packed) p.appId = text.slice(0, 32)
	} else {
		packed = text.length === 0 ? '' : unbase64(text)
	}
	if (!packed) {
		p.error = packed === null ? 'bad_base64' : 'truncated'
		return p
	}
	if (p.version === 6) {
		p.error = parse006(packed, p)
		return p
	}
	inflated = await inflate(packed)
	p.error = inflated.error ?? parse007(inflated.content, p)
	return p
}

/* Tokens as somebody copied them, as common/services/copied.c looks through it */

function percentDecode(text, c) {
	return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => {
		c.percent = true
		return String.fromCharCode(parseInt(hex, 16))
	})
}

function unwrap(text, c) {
	let t = percentDecode(text, c)
	let before

	do {
		before = t
		t = t.replace(/^[ \t-\r]+|[ \t-\r]+$/g, '')
		c.blanks ||= t.length < before.length
		const unquoted = t.replace(/^["'`\\]+|["'`\\]+$/g, '')

		c.quotes ||= unquoted.length < t.length
		t = unquoted.replace(/^Bearer [ \t-\r]*/i, '')
		c.bearer ||= t.length < unquoted.length
	} while (t !== before)
	c.plus = t.includes(' ')
	c.blanks ||= /[\t-\r]/.test(t)
	return t.replace(/[\t-\r]/g, '').replaceAll(' ', '+')
}

/* A publisher's token for these names is about as long; common/services/copied.c reckons the same. */
function likelyLength(channel, user, is006) {
	return is006 ? 139 : 150 + Math.floor((((channel?.length ?? 8) + (user?.length ?? 5)) * 4) / 3)
}

async function parseCut(token, channel, user, c) {
	let p = await parseToken(token)
	let error = p.error

	for (let front = 1; error === 'bad_version' && front <= 3; front++)
		if (token.length <= TOKEN_MAX) {
			p = await parseToken('007'.slice(0, front) + token)
			if (p.error === null) {
				c.isCut = true
				c.front = front
				return p
			}
		}
	for (let end = 1; error === 'bad_base64' && end <= 2; end++)
		if (token.length <= TOKEN_MAX) {
			p = await parseToken(token + '='.repeat(end))
			if (p.error === null) {
				c.isCut = true
				c.end = end
				return p
			}
		}
	/* It is by luck alone when the cut is between two of base64's groups of four. */
	for (
		let over = 1;
		error === 'bad_base64' &&
		over <= 3 &&
		over < token.length &&
		/[A-Za-z0-9+/]/.test(token[token.length - over]);
		over++
	) {
		p = await parseToken(token.slice(0, -over))
		if (p.error === 'truncated') error = 'truncated'
	}
	if (error === 'truncated' && p.signature === null) {
		const likely = likelyLength(channel, user, p.version === 6)

		c.isCut = true
		c.about = likely > token.length ? likely - token.length : 0
	}
	p = await parseToken(token)
	p.error = error
	return p
}

/* Whether the names let a client in, as common/services/fit.c decides */

const anyUser = (type) => type === 1 || type === 3 || type === 6

/* Who joins; '' = with no uid of its own, null = it is not said. */
function userOf(e) {
	return e.account ?? (e.uid === '0' ? '' : e.uid)
}

/* Whether a token's name, which may hold the wildcard *, covers this one. */
function covers(pattern, name) {
	const parts = pattern.split('*')
	let at = parts[0].length

	if (pattern === '' || pattern === name) return true
	if (parts.length === 1 || !name.startsWith(parts[0])) return false
	for (const part of parts.slice(1, -1)) {
		const found = name.indexOf(part, at)

		if (found < 0) return false
		at = found + part.length
	}
	return name.length - at >= parts.at(-1).length && name.endsWith(parts.at(-1))
}

function opens(s, channel) {
	return s.channel !== null && (channel === null || covers(s.channel, channel))
}

function letsIn(s, e) {
	const user = userOf(e)

	if (user === null) return true
	return anyUser(s.type) ? covers(s.user, user) : (e.account ?? e.uid) === (s.user ?? '')
}

function crc32(bytes) {
	let crc = ~0

	for (let i = 0; i < bytes.length; i++) {
		crc ^= bytes.charCodeAt(i)
		for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
	}
	return ~crc >>> 0
}

function fitOf(p, e) {
	const user = userOf(e)
	const fit = {
		channel: true,
		user: true,
		hasChannels: false,
		itsChannel: null,
		itsUser: null,
		type: 0,
	}
	let closest = false

	if (p.version === 6 && p.message !== null) {
		fit.hasChannels = true
		fit.channel = e.channel === null || crc32(e.channel) === p.channelCrc
		fit.user = user === null || crc32(user) === p.userCrc
	}
	if (p.version !== 7 || p.services === null) return fit
	fit.channel = e.channel === null
	fit.user = user === null
	for (const s of p.services) {
		const hasChannel = s.channel !== null
		const its = opens(s, e.channel)
		const counts = hasChannel ? its : e.channel === null && s.user !== null

		if (hasChannel && !fit.hasChannels) fit.itsChannel = s.channel
		fit.hasChannels ||= hasChannel
		fit.channel ||= its
		fit.user ||= counts && letsIn(s, e)
		if (fit.type === 0 || (counts && !closest)) {
			fit.type = s.type
			fit.itsUser = s.user
			closest = counts
		}
	}
	return fit
}

/* Problems: common/services/inspect.c has the same rows, and the tests compare them */

function duration(seconds) {
	for (const [size, name] of [
		[86400, 'days'],
		[3600, 'hours'],
		[60, 'minutes'],
		[1, 'seconds'],
	])
		if (seconds >= 2 * size || size === 1)
			return `${Math.floor(seconds / size)} ${seconds === 1 ? name.slice(0, -1) : name}`
}

/* In quotes, and with what a terminal or a reader might take for something else escaped. */
function quoted(bytes) {
	return JSON.stringify(fromUtf8(bytes)).replace(
		/[\x7f-\x9f]/g,
		(c) => `\\u00${c.charCodeAt(0).toString(16)}`,
	)
}

/* ASCII alone: what C's tolower knows. */
const lower = (text) => text.replace(/[A-Z]/g, (c) => c.toLowerCase())

function apart(its, verb, clients) {
	const bare = (text) => text.replaceAll(' ', '')
	let words

	if (its === null || its.length > 255 || clients.length > 255) return ''
	words = `: it is for ${quoted(its)}, and the client ${verb} ${quoted(clients)}`
	if (bare(its) === bare(clients)) words += '; they differ only by blanks'
	else if (lower(bare(its)) === lower(bare(clients)))
		words += `; they differ only in case${its.length === clients.length ? '' : ' and blanks'}`
	return words
}

/* As tokens write numbers: no zero in front, and no 0, which is nobody. */
const isNumber = (user) => /^[1-9][0-9]{0,9}$/.test(user ?? '') && Number(user) <= 4294967295

const userDiffers = (l) => (l.fit.channel || l.p.version === 6) && !l.fit.user
const joinsWithZero = (l) => userDiffers(l) && userOf(l.e) === '' && anyUser(l.fit.type)
const kindsDiffer = (l) =>
	userDiffers(l) &&
	userOf(l.e) !== '' &&
	anyUser(l.fit.type) &&
	isNumber(l.fit.itsUser) !== isNumber(userOf(l.e))

function hasEntrance(l, s) {
	return s.type === RTC
		? opens(s, l.e.channel)
		: (s.type === 2 || s.type === 8) && l.e.channel === null
}

const find = (list, id) => list.find((p) => p.id === id)
const endOf = (l, p) => (p.expire === 0 || l.p.version === 6 ? p.expire : l.p.issueTs + p.expire)
const isOver = (l, p) =>
	p !== undefined && l.out.expired !== true && endOf(l, p) !== 0 && l.e.now > endOf(l, p)
const tellEnd = (l, type, p) =>
	`: ${PRIVILEGE_NAMES[type][p.id]}, ${duration(l.e.now - endOf(l, p))} ago`
const servicesOf = (l) => (l.p.version === 7 ? (l.p.services ?? []) : [])

function isTruncated(l) {
	const c = l.copied
	let words

	if (!c.isCut) return l.p.error === 'truncated'
	words =
		c.front > 0
			? `: the first ${c.front} of its characters are missing`
			: `: it ends after ${c.length} characters`
	if (c.end > 0) words += `, and only = is missing${c.end === 2 ? ', twice' : ''}`
	return c.about > 0 ? `${words}, and about ${c.about} are missing` : words
}

function lacksEntrance(l) {
	for (const s of servicesOf(l))
		if (hasEntrance(l, s) && !find(s.privileges, 1))
			return `: ${PRIVILEGE_NAMES[s.type][1]} for ${SERVICE_NAMES[s.type]}`
	return false
}

function entranceIsOver(l) {
	const old = l.p.version === 6 ? find(l.p.privileges ?? [], 1) : undefined

	if (isOver(l, old)) return tellEnd(l, RTC, old)
	for (const s of servicesOf(l))
		if (hasEntrance(l, s) && isOver(l, find(s.privileges, 1)))
			return tellEnd(l, s.type, find(s.privileges, 1))
	return false
}

function publishingIsOver(l) {
	for (const s of servicesOf(l))
		for (let id = 2; id <= 4; id++)
			if (s.type === RTC && hasEntrance(l, s) && isOver(l, find(s.privileges, id)))
				return tellEnd(l, s.type, find(s.privileges, id))
	return false
}

function onlySubscribes(l) {
	const entrances = servicesOf(l).filter((s) => s.type === RTC && hasEntrance(l, s))

	return (
		entrances.length > 0 &&
		entrances.every(
			(s) =>
				find(s.privileges, 1) &&
				!find(s.privileges, 2) &&
				!find(s.privileges, 3) &&
				!find(s.privileges, 4),
		)
	)
}

function isFromTheFuture(l) {
	const ahead = (l.out.issueTs ?? -1) - l.e.now

	return (
		l.out.issueTs !== undefined &&
		ahead > 30 &&
		`: ${duration(ahead)} from now, by the clock of this machine`
	)
}

function isNotVerified(l) {
	return (
		l.out.signature !== undefined &&
		l.out.signatureValid === null &&
		(l.namesMissing
			? ': that of 006 can be checked only with channel and uid'
			: ': there is no App Certificate to check it with')
	)
}

const is = (error) => (l) => l.p.error === error

/*
 * [code, words, fix, whether it is so].  A text says that it is, and goes on behind the words.
 * Hints, for which no token is refused, are last.
 */
const PROBLEMS = [
	[
		'empty',
		'there is no token',
		'look at where the client gets it: it asked before the answer was there, or read ' +
			'another member of it than token, rtcToken or rtmToken',
		is('empty'),
	],
	[
		'quoted',
		'there are quotes around the token',
		"give the client the token without them: parse the server's JSON answer instead " +
			'of cutting it out',
		(l) => l.copied.quotes,
	],
	[
		'bearer',
		'the word Bearer stands before the token',
		'leave it out: Bearer belongs in an Authorization header, not in front of a ' +
			"token for Agora's SDK",
		(l) => l.copied.bearer,
	],
	[
		'blanks',
		'there are blanks or line ends around the token or in it',
		'cut them off, and copy it in one line: a token that is read from a file often ' +
			'ends with a line end',
		(l) => l.copied.blanks,
	],
	[
		'percent_encoded',
		'the token is encoded for a URL (%2B, %2F, %3D)',
		'decode it before the client uses it',
		(l) => l.copied.percent,
	],
	[
		'plus_lost',
		'the token has a blank where a + was',
		'encode it before it becomes a part of a URL (encodeURIComponent makes %2B of ' +
			'+): in a query a + means a blank',
		(l) => l.copied.plus,
	],
	[
		'truncated',
		'the token is cut short',
		'copy it whole, up to the = at its end if it has one, and look at the length of ' +
			'the database column or field that kept it',
		isTruncated,
	],
	[
		'bad_version',
		'the token does not begin with 007',
		'give the client the token itself: what is here is something else, such as an ' +
			'App ID, a certificate or a JSON Web Token',
		is('bad_version'),
	],
	[
		'bad_base64',
		'the token is not base64: a character was changed, added or lost',
		"copy it again, from the server's answer; it has letters, digits, +, / and = " + 'alone',
		is('bad_base64'),
	],
	[
		'bad_zlib',
		"the token's compressed content is damaged",
		'copy it again: a character in it was changed, or some are missing in its middle',
		is('bad_zlib'),
	],
	[
		'trailing_data',
		"there are bytes after the token's end",
		'copy it alone: something follows it, perhaps a second token',
		is('trailing_data'),
	],
	[
		'too_large',
		'the token is too large: 16384 bytes of text and 65536 of content at most',
		'give the client the token alone; real ones have some hundred characters',
		is('too_large'),
	],
	[
		'bad_app_id',
		'the App ID in the token is not 32 hexadecimal digits',
		"set APP_ID where the token is issued, as Agora's console shows it",
		is('bad_app_id'),
	],
	[
		'no_services',
		'the token holds no service',
		'say what it is for where it is issued: it opens nothing as it is',
		is('no_services'),
	],
	[
		'duplicate_privilege',
		'a service names the same privilege twice',
		'issue it with a current token library: this one has been put together by hand',
		is('duplicate_privilege'),
	],
	[
		'unsupported_version',
		'the token is of an old version, and Agora wants 007 now',
		'issue it with a current token library: AccessToken2, RtcTokenBuilder2, or this ' +
			'service',
		(l) => l.p.version === 6 || l.p.error === 'unsupported_version',
	],
	[
		'app_id_mismatch',
		'the token is for another App ID',
		"give the client's SDK and the server that issues the App ID of the same " +
			'project, in the same letters',
		(l) =>
			l.e.appId !== null &&
			l.p.appId !== null &&
			l.p.error !== 'bad_app_id' &&
			l.p.appId !== l.e.appId &&
			apart(l.p.appId, 'has', l.e.appId),
	],
	[
		'bad_signature',
		'the token was made with another App Certificate, or changed since',
		'set APP_CERTIFICATE where it is issued to the primary certificate of this ' +
			'project, as the console shows it; case counts',
		is('bad_signature'),
	],
	[
		'expired',
		'the token has expired',
		'have the client ask for a new one and renew it (renewToken) before the end; if ' +
			'it is new, set the clock of the server that issues',
		(l) => l.out.expired === true && `, ${duration(l.e.now - l.out.expireAt)} ago`,
	],
	[
		'wrong_kind',
		'the token opens no channel, and the client joins one',
		'issue an RTC token to join a channel (tokenType rtc), and use the RTM token to ' +
			'log in to RTM',
		(l) =>
			l.e.channel !== null &&
			servicesOf(l).length > 0 &&
			!l.fit.hasChannels &&
			`: it is for ${SERVICE_NAMES[l.fit.type]}`,
	],
	[
		'channel_mismatch',
		'the token is for another channel',
		'use one name in both places, byte for byte: upper and lower case and blanks ' + 'count',
		(l) => !l.fit.channel && l.fit.hasChannels && apart(l.fit.itsChannel, 'joins', l.e.channel),
	],
	[
		'uid_zero',
		'the client joins without a uid of its own (0), so Agora gives it one, and the ' +
			'token is for a named user',
		'join with the uid that the token names, or issue it for uid 0, which any user ' +
			'may use',
		(l) => joinsWithZero(l) && `: ${quoted(l.fit.itsUser)}`,
	],
	[
		'uid_kind',
		'the token is for a number where the client joins with a string, or the reverse',
		'use one kind everywhere: a number without zeros in front in both places, or an ' +
			'account in both (joinChannelWithUserAccount)',
		(l) => kindsDiffer(l) && apart(l.fit.itsUser, 'joins with', userOf(l.e)),
	],
	[
		'uid_mismatch',
		'the token is for another user',
		'issue it for the uid that the client joins with; 0 where any user may use it',
		(l) =>
			userDiffers(l) &&
			!joinsWithZero(l) &&
			!kindsDiffer(l) &&
			apart(l.fit.itsUser, 'joins with', userOf(l.e)),
	],
	[
		'no_privilege',
		'the token lacks the privilege to get in',
		'issue it with that privilege: a role brings it along, and privileges.join where ' +
			'each is named',
		lacksEntrance,
	],
	[
		'privilege_over',
		'the privilege to get in has ended, though the token has not',
		'issue a new one with a longer privilege; 0 makes it last as long as the token',
		entranceIsOver,
	],
	[
		'not_verified',
		'the signature was not checked',
		'set APP_CERTIFICATE where you inspect it; for a token of version 006 also give ' +
			'the channel and the uid',
		isNotVerified,
	],
	[
		'issued_in_future',
		'the token was issued in the future',
		'set the clock of the server that issues (NTP); Agora does not say whether it ' +
			'takes such a token',
		isFromTheFuture,
	],
	[
		'publish_over',
		'a privilege to publish has ended, though the token has not',
		'issue a new one with a longer privilege and have the client renew it ' + '(renewToken)',
		publishingIsOver,
	],
	[
		'subscriber_only',
		"the token is a subscriber's: it may join and not publish",
		'issue it with role publisher for who is to send. Where co-host authentication ' +
			"is switched on for the project in Agora's console, Agora lets nobody publish " +
			'with this token; where it is not, Agora does not look at the role, and this is ' +
			'not the reason',
		onlySubscribes,
	],
	[
		'uid_or_account',
		'a token cannot tell the string account from the number',
		'look whether the client joins with a string where the others join with numbers: ' +
			'all users of a channel must be of one kind',
		(l) =>
			l.e.account !== null &&
			isNumber(l.e.account) &&
			l.fit.user &&
			(l.fit.itsUser ?? '') !== '' &&
			` ${l.e.account}`,
	],
	[
		'console_token',
		"the token is like the temporary ones of Agora's console",
		'have a server issue tokens: a temporary one is for trying things out, is for ' +
			'one channel and any user, and ends after 24 hours',
		(l) =>
			l.p.version === 7 &&
			l.out.expire === 86400 &&
			l.p.services.length === 1 &&
			l.fit.type === RTC &&
			l.fit.itsUser === '',
	],
]
const HINTS = new Set([
	'issued_in_future',
	'publish_over',
	'subscriber_only',
	'uid_or_account',
	'console_token',
])

function putName(out, name, bytes) {
	if (bytes === null || bytes === undefined) return
	out[name] = isUtf8(bytes) ? fromUtf8(bytes) : null
	if (out[name] === null) out[`${name}Hex`] = toHex(bytes)
}

function describePrivileges(list, names, member) {
	return list.map((p) => ({
		id: p.id,
		...(names?.[p.id] && { name: names[p.id] }),
		[member]: p.expire,
	}))
}

function describeService(s) {
	const out = {
		type: s.type,
		name: SERVICE_NAMES[s.type],
		privileges: describePrivileges(s.privileges, PRIVILEGE_NAMES[s.type], 'expire'),
	}

	putName(out, 'channelName', s.channel)
	switch (s.type) {
		case 1:
			putName(out, 'uid', s.user)
			break
		case 3:
		case 6:
			putName(out, 'account', s.user)
			break
		case 7:
			putName(out, 'roomUuid', s.room)
			putName(out, 'userUuid', s.user)
			out.role = s.role
			break
		default:
			putName(out, 'userId', s.user)
	}
	if (s.type === 8)
		out.permissions = s.permissions.map(({ resource, permission, names }) => {
			const hex = names.filter((n) => !isUtf8(n)).map(toHex)

			return {
				resource,
				permission,
				resources: names.map((n) => (isUtf8(n) ? fromUtf8(n) : null)),
				...(hex.length > 0 && { resourcesHex: hex }),
			}
		})
	return out
}

function describe(p) {
	const out = {}

	if (p.version !== 0) out.version = p.version === 6 ? '006' : '007'
	if (p.appId !== null) out.appId = fromUtf8(p.appId)
	if (p.version === 7 && p.services !== null)
		Object.assign(
			out,
			{
				issueTs: p.issueTs,
				expire: p.expire,
				expireAt: p.issueTs + p.expire,
				salt: p.salt,
				serviceCount: p.serviceCount,
				services: p.services.map(describeService),
				complete: p.complete && p.services.length === p.serviceCount,
			},
			p.firstUnknownType !== null && { firstUnknownType: p.firstUnknownType },
		)
	if (p.version === 6 && p.message !== null)
		Object.assign(out, {
			salt: p.salt,
			expireAt: p.ts,
			crcChannelName: p.channelCrc,
			crcUid: p.userCrc,
			complete: p.complete,
			privileges: describePrivileges(
				p.privileges,
				{ ...PRIVILEGE_NAMES[RTC], 1000: 'rtmLogin' },
				'expireAt',
			),
		})
	if (p.signature !== null) out.signature = toHex(p.signature)
	return out
}

/*
 * What POST /token/inspect would answer without a certificate.  client: channel, uid, account and
 * appId where they are known; now: Unix seconds.
 */
export async function inspect(text, client = {}, now = Math.floor(Date.now() / 1000)) {
	const known = (value) => (value === undefined || value === null ? null : utf8(String(value)))
	const e = {
		channel: known(client.channel),
		uid: known(client.uid),
		account: known(client.account),
		appId: known(client.appId),
		now,
	}
	const copied = {
		quotes: false,
		bearer: false,
		blanks: false,
		percent: false,
		plus: false,
		isCut: false,
		front: 0,
		end: 0,
		about: 0,
	}
	const token = unwrap(utf8(text), copied)

	copied.length = token.length
	const p = await parseCut(token, e.channel, userOf(e), copied)
	const out = describe(p)
	const look = {
		e,
		p,
		out,
		copied,
		fit: fitOf(p, e),
		namesMissing: p.version === 6 && (e.channel === null || userOf(e) === null),
	}

	out.signatureValid = null
	if (out.expireAt !== undefined) out.expired = now > out.expireAt
	out.valid = false
	out.problems = []
	for (const [code, words, fix, isSo] of PROBLEMS) {
		const detail = isSo(look)

		if (detail !== false) {
			const problem = words + (detail === true ? '' : detail)

			out.problems.push({ code, problem, fix, message: problem })
		}
	}
	return out
}

/* The page */

const $ = (id) => document.getElementById(id)

/* Everything of others becomes text, never markup. */
function el(tag, attributes, ...children) {
	const node = document.createElement(tag)

	for (const [name, value] of Object.entries(attributes ?? {}))
		if (typeof value === 'function') node.addEventListener(name, value)
		else if (value !== undefined && value !== false)
			node.setAttribute(name, value === true ? '' : value)
	node.append(
		...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false),
	)
	return node
}

const clock = () => Math.floor(Date.now() / 1000)
const utc = (seconds) =>
	`${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`

/* "58 min 20 s" */
function span(seconds) {
	const parts = [
		[Math.floor(seconds / 86400), 'd'],
		[Math.floor(seconds / 3600) % 24, 'h'],
		[Math.floor(seconds / 60) % 60, 'min'],
		[seconds % 60, 's'],
	]
	const first = parts.findIndex(([n]) => n > 0)
	const last = parts.findLastIndex(([n]) => n > 0)

	return first < 0
		? '0 s'
		: parts
				.slice(first, last + 1)
				.map(([n, unit]) => `${n} ${unit}`)
				.join(' ')
}

/* What counts down is told the time each second, as long as it stands in the page. */
const counting = new Map()

function everySecond(node, show) {
	counting.set(node, show)
	show()
	return node
}

setInterval(() => {
	for (const [node, show] of counting)
		if (node.isConnected) show()
		else counting.delete(node)
}, 1000)

function copyButton(text, what) {
	const said = el('span', { role: 'status', class: 'note' })

	return [
		el(
			'button',
			{
				type: 'button',
				class: 'small',
				'aria-label': `Copy ${what}`,
				click: async () => {
					try {
						await navigator.clipboard.writeText(text)
						said.textContent = 'Copied'
					} catch {
						said.textContent =
							'The browser does not let this page copy: mark the text instead'
					}
				},
			},
			'Copy',
		),
		said,
	]
}

function command(title, text) {
	return el(
		'div',
		{ class: 'command' },
		el('h4', null, title),
		el('pre', { tabindex: 0, 'aria-label': title }, text),
		el('div', { class: 'row' }, copyButton(text, title)),
	)
}

const badge = (kind, ...text) => el('li', { class: `badge ${kind}` }, ...text)

/* Asking the service */

let credential = ''

class Refusal extends Error {}

const api = (path) => new URL(`..${path}`, location.href)

async function ask(method, path, body) {
	const headers = {}
	let answer, json

	if (credential !== '') headers.Authorization = `Bearer ${credential}`
	if (body !== undefined) headers['Content-Type'] = 'application/json'
	try {
		answer = await fetch(api(path), {
			method,
			headers,
			cache: 'no-store',
			credentials: 'omit',
			redirect: 'error',
			body: body === undefined ? undefined : JSON.stringify(body),
		})
		json = await answer.json()
	} catch {
		throw new Refusal(
			answer === undefined
				? 'The service cannot be reached.'
				: `The answer, ${answer.status}, is not the service's.`,
		)
	}
	if (!answer.ok)
		throw Object.assign(new Refusal(json.error ?? 'It was refused.'), {
			json,
			status: answer.status,
		})
	return { json, answer }
}

function showError(id, error) {
	if (!(error instanceof Refusal)) throw error
	const { json, status } = error

	$(id).textContent =
		json === undefined
			? error.message
			: `${error.message} (${[
					status,
					json.code,
					json.dimension && `dimension ${json.dimension}`,
				]
					.filter(Boolean)
					.join(', ')}; request ${json.requestId})`
}

/* While it is busy its button cannot be pressed again. */
async function busy(form, errorId, work) {
	const button = form.querySelector('button.primary') ?? form /* or it is the button itself */

	$(errorId).textContent = ''
	for (const field of form.querySelectorAll('[aria-invalid]'))
		field.removeAttribute('aria-invalid')
	button.disabled = true
	try {
		await work()
	} catch (error) {
		showError(errorId, error)
		const field = form.elements?.namedItem(error.json?.field?.split(/[.[]/)[0] ?? '')

		if (field instanceof HTMLElement) {
			field.setAttribute('aria-invalid', 'true')
			field.focus()
		}
	} finally {
		button.disabled = false
	}
}

const quote = (text) =>
	/^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

function curlOf(method, path, body) {
	const parts = ['curl']

	if (method !== (body === undefined ? 'GET' : 'POST')) parts.push('-X', method)
	if (credential !== '') parts.push('-H', '"Authorization: Bearer $KEY"')
	if (body !== undefined) parts.push('-d', quote(JSON.stringify(body)))
	return [...parts, quote(api(path).href)].join(' ')
}

/* Who asks */

let me = null
let projects = [] /* of this server, where they may be seen */

function whoText({ mode, caller, type, subject, grants }) {
	if (mode === 'open')
		return 'OPEN: nobody is asked who he is, and whoever reaches the service gets any token.'
	if (caller === undefined) return 'Sign in with what the API takes.'
	return (
		`${caller}${type ? ` (${type})` : ''}${subject ? `, subject ${subject}` : ''}; grants: ` +
		`${grants?.map((g) => g.name).join(', ') || 'none'}` +
		`${mode === 'log' ? '; the policy is only recorded, not enforced' : ''}`
	)
}

function showMe(answer) {
	me = answer
	$('who').textContent = whoText(me)
	$('who').classList.toggle('bad', me.mode === 'open')
	$('project-field').hidden = !me.grants?.some((g) => g.project !== undefined)
	showIssue()
	if (
		me.mode !== 'on' ||
		me.grants?.some((g) => g.actions.some((a) => ['*', 'status.*', 'status.read'].includes(a)))
	)
		learnProjects()
}

/* A token's App ID can then be compared with this server's. */
async function learnProjects() {
	try {
		projects = (await ask('GET', '/status')).json.projects ?? []
		await inspectHere()
	} catch (error) {
		if (!(error instanceof Refusal)) throw error
	}
}

async function signIn(event) {
	event.preventDefault()
	credential = $('credential').value.trim()
	try {
		showMe((await ask('GET', '/me')).json)
	} catch (error) {
		me = null
		showError('who', error)
		$('who').classList.add('bad')
	}
	showIssue()
	showService()
}

/* Tabs */

const tabs = [...document.querySelectorAll('[role=tab]')]

function choose(tab, focus) {
	for (const each of tabs) {
		each.setAttribute('aria-selected', each === tab)
		each.tabIndex = each === tab ? 0 : -1
		$(each.getAttribute('aria-controls')).hidden = each !== tab
	}
	if (focus) tab.focus()
	history.replaceState(null, '', `#${tab.getAttribute('aria-controls')}`)
	if (tab.id === 'tab-status') lookAtStatus()
}

function tabKey(event) {
	const at = tabs.indexOf(event.currentTarget)
	const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key]

	if (to === undefined) return
	event.preventDefault()
	choose(tabs.at(to % tabs.length), true)
}

/* Issue */

const issueForm = $('issue-form')
const WITH_CHANNEL = ['rtc', 'streaming', 'fcdn', 'convoai', 'stt']
const LEGAL = /[A-Za-z0-9 !#$%&()+\-:;<=.>?@[\]^_{}|~,*]/

/* The name with each character marked that Agora does not allow in it. */
function marks(name) {
	const bad = [...name].findIndex((c) => !LEGAL.test(c))
	let byte, at, shown

	if (bad < 0) return []
	at = utf8([...name].slice(0, bad).join('')).length
	byte = utf8(name).charCodeAt(at)
	shown =
		byte > 0x20 && byte < 0x7f
			? `'${String.fromCharCode(byte)}' (0x${toHex(utf8(name)[at])})`
			: `0x${toHex(utf8(name)[at])}`
	return [
		...[...name].map((c) => (LEGAL.test(c) ? c : el('mark', null, c))),
		el(
			'span',
			null,
			` \u2013 byte ${at + 1} is ${shown}, which Agora does not allow in a channel or account name`,
		),
	]
}

function numberOr(text) {
	return /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : text
}

/* The body of POST /getToken; null where the permissions are no JSON. */
function issueBody() {
	const f = issueForm.elements
	const kind = f.tokenType.value
	const body = { tokenType: kind }
	const put = (name, value) => {
		if (value !== '') body[name] = value
	}
	const has = (field) => !field.closest('[data-kinds]').hidden

	if (has(f.channel)) put('channel', f.channel.value)
	if (has(f.uid))
		put(
			'uid',
			WITH_CHANNEL.includes(kind) && f.uidKind.value === 'number'
				? numberOr(f.uid.value)
				: f.uid.value,
		)
	if (has(f.role[0])) put('role', f.role.value)
	if (has(f.roomRole)) put('role', numberOr(f.roomRole.value))
	if (has(f.room)) put('room', f.room.value)
	if (has(f.rtmUid)) put('rtmUid', f.rtmUid.value)
	if (!$('project-field').hidden) put('project', f.project.value)
	put('expire', numberOr(f.expire.value))
	if (has(f.permissions) && f.permissions.value.trim() !== '')
		try {
			body.permissions = JSON.parse(f.permissions.value)
		} catch {
			return null
		}
	return body
}

/* agora-token's own options where it has them, else the JSON that it reads. */
function commandLine(body) {
	const options = {
		tokenType: '--type',
		channel: '--channel',
		uid: '--uid',
		role: '--role',
		room: '--room',
		rtmUid: '--rtm-uid',
		expire: '--expire',
	}
	const members = Object.entries(body).filter(([name]) => name !== 'project')

	if (members.every(([name, value]) => name in options && !String(value).startsWith('-')))
		return [
			'agora-token issue --env-file .env',
			...members.map(([name, value]) => `${options[name]} ${quote(String(value))}`),
		].join(' ')
	return `echo ${quote(JSON.stringify(Object.fromEntries(members)))} | agora-token issue --env-file .env --json -`
}

function uidNote(f) {
	const value = f.uid.value

	if (!WITH_CHANNEL.includes(f.tokenType.value))
		return (
			{
				chat: 'Empty: a token of the app itself.',
				apaas: 'Empty: a token of the app itself.',
			}[f.tokenType.value] ?? ''
		)
	if (f.uidKind.value === 'number')
		return value === '' || isNumber(value) || value === '0'
			? '0 is any user. Must be what the client joins with.'
			: 'must be a whole number, 0 to 4294967295'
	return isNumber(value)
		? `${PROBLEMS.find(([code]) => code === 'uid_or_account')[1]} ${value}: ` +
				'all users of a channel must be of one kind'
		: '* is any user. Must be what the client joins with (joinChannelWithUserAccount).'
}

function showIssue() {
	const f = issueForm.elements
	const kind = f.tokenType.value
	const count = utf8(f.channel.value).length
	const ttl = Math.max(0, ...(me?.grants ?? []).map((g) => g.ttl ?? 0))
	const seconds = Number(f.expire.value)

	for (const part of issueForm.querySelectorAll('[data-kinds]'))
		part.hidden = !part.dataset.kinds.split(' ').includes(kind)
	$('channel-count').textContent = `${count}/64 bytes`
	$('channel-count').classList.toggle('over', count > 64)
	$('channel-marks').replaceChildren(...marks(f.channel.value))
	$('uid-note').textContent = uidNote(f)
	$('uid-note').classList.toggle('warn', f.uidKind.value === 'string' && isNumber(f.uid.value))
	$('uid-note').classList.toggle('bad', $('uid-note').textContent.startsWith('must'))
	$('expire-note').textContent =
		(seconds > 0 ? `${span(seconds)}. ` : 'The default. ') +
		(ttl > 0
			? `Your grants allow at most ${span(ttl)}; what is longer is cut.`
			: "Agora's maximum is 24 hours.")
	const body = issueBody()

	$('issue-commands').replaceChildren(
		...(body === null
			? []
			: [
					command('curl', curlOf('POST', '/getToken', body)),
					command('agora-token', commandLine(body)),
				]),
	)
}

/* In open mode nobody asks for a grant. */
function grantText(json) {
	return json.grant !== undefined
		? `allowed by the grant ${json.grant}`
		: me?.mode === 'open'
			? 'no grant was asked for: the service is open'
			: 'the policy is not enforced'
}

function showToken(json) {
	const left = el('li', { class: 'badge' })

	everySecond(left, () => {
		const seconds = json.expiresAt - clock()

		left.className = `badge ${seconds > 0 ? 'good' : 'bad'}`
		left.textContent = seconds > 0 ? `${span(seconds)} left` : 'expired'
	})
	$('issue-result').replaceChildren(
		el('h3', null, 'The token'),
		el(
			'ul',
			{ class: 'badges' },
			left,
			badge(me?.mode === 'open' ? 'bad' : '', grantText(json)),
			json.clamped && badge('warn', `cut to what is allowed: ${json.clamped.join(', ')}`),
			json.uid && badge('', 'for the user ', el('span', { class: 'name' }, json.uid)),
		),
		el('pre', { class: 'token', tabindex: 0, 'aria-label': 'Token' }, json.token),
		el(
			'div',
			{ class: 'row' },
			copyButton(json.token, 'the token'),
			el(
				'button',
				{ type: 'button', class: 'small', click: () => inspectThis(json.token) },
				'Inspect it',
			),
		),
		el('p', { class: 'note' }, `Until ${utc(json.expiresAt)}.`),
	)
	$('issue-result').hidden = false
}

function issue(event) {
	event.preventDefault()
	$('issue-result').hidden = true
	return busy(issueForm, 'issue-error', async () => {
		const body = issueBody()

		if (body === null)
			throw Object.assign(new Refusal('permissions: must be JSON'), { json: undefined })
		if ($('uid-note').textContent.startsWith('must') && !$('uid').closest('p').hidden) {
			$('uid').setAttribute('aria-invalid', 'true')
			throw new Refusal(`uid: ${$('uid-note').textContent}`)
		}
		showToken((await ask('POST', '/getToken', body)).json)
	})
}

/* Inspect */

const inspectForm = $('inspect-form')
const RESOURCES = [
	'message channels',
	'stream channels',
	'group channels',
	'server groups',
	'users',
]

function clientOf() {
	const client = {}
	const user = $('its-user').value

	if ($('its-channel').value !== '') client.channel = $('its-channel').value
	if (user !== '') client[inspectForm.elements.joins.value] = user
	if ($('its-app').value !== '') client.appId = $('its-app').value.trim()
	return client
}

function svg(tag, attributes) {
	const node = document.createElementNS('http://www.w3.org/2000/svg', tag)

	for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
	return node
}

/* The time from the issue to the end of all, and how much of it is left. */
function bar(start, end, whole) {
	const node = svg('svg', {
		class: 'bar',
		viewBox: '0 0 100 10',
		preserveAspectRatio: 'none',
		role: 'img',
	})
	const x = (at) => Math.min(100, Math.max(0, ((at - start) / Math.max(1, whole - start)) * 100))
	const left = svg('rect', { class: 'left', y: 0, height: 10 })

	node.append(svg('rect', { class: 'track', x: 0, y: 0, width: x(end), height: 10 }), left)
	return everySecond(node, () => {
		const now = clock()
		const gone = now > end

		left.setAttribute('class', gone ? 'over' : 'left')
		left.setAttribute('x', gone ? 0 : x(now))
		left.setAttribute('width', gone ? x(end) : x(end) - x(now))
		node.setAttribute(
			'aria-label',
			gone ? 'over' : `${span(end - now)} left of ${span(end - start)}`,
		)
	})
}

function remaining(end) {
	const node = el('td')

	return everySecond(node, () => {
		const left = end - clock()

		node.textContent = left >= 0 ? `${span(left)} left` : `ended ${span(-left)} ago`
		node.className = left >= 0 ? '' : 'bad'
	})
}

function privilegeTable(list, start, expireAt) {
	const rows = list.map((p) => {
		const own = p.expireAt ?? (p.expire === 0 ? 0 : start + p.expire)
		const end = own === 0 ? expireAt : Math.min(own, expireAt)

		return { name: p.name ?? `number ${p.id}`, own, end }
	})
	const from = start ?? Math.min(clock(), ...rows.map((r) => r.end))

	return el(
		'div',
		{ class: 'scroll' },
		el(
			'table',
			{ class: 'privileges' },
			el(
				'thead',
				null,
				el(
					'tr',
					null,
					['Privilege', 'Until', 'Left', 'Time'].map((t) =>
						el('th', { scope: 'col' }, t),
					),
				),
			),
			el(
				'tbody',
				null,
				rows.map((r) =>
					el(
						'tr',
						null,
						el('th', { scope: 'row', class: 'name' }, r.name),
						el(
							'td',
							null,
							r.own === 0 ? `${utc(r.end)}, as long as the token` : utc(r.end),
						),
						remaining(r.end),
						el('td', null, bar(from, r.end, expireAt)),
					),
				),
			),
		),
	)
}

function definitions(rows) {
	return el(
		'dl',
		null,
		rows
			.filter(([, value]) => value !== undefined && value !== null)
			.map(([name, value]) => [el('dt', null, name), el('dd', null, value)]),
	)
}

const nameOr = (value, hex, empty) =>
	value === undefined
		? undefined
		: el(
				'span',
				{ class: value === '' || value === null ? '' : 'name' },
				value === null
					? `${hex} (hexadecimal: it is not UTF-8)`
					: value === ''
						? empty
						: JSON.stringify(value).slice(1, -1),
			)

function serviceCard(s, result) {
	const name = (member, empty) => nameOr(s[member], s[`${member}Hex`], empty)

	return el(
		'div',
		{ class: 'service' },
		el('h4', null, s.name),
		definitions([
			['channel', name('channelName', 'any (empty)')],
			['uid', name('uid', 'any')],
			['user', name('userId', 'none')],
			['account', name('account', 'any')],
			['room', name('roomUuid', 'none')],
			['user', name('userUuid', 'none')],
			['role', s.role === undefined ? undefined : String(s.role)],
			...(s.permissions ?? []).map((p) => [
				'may',
				`${['read', 'write'][p.permission] ?? `permission ${p.permission}`} ` +
					`${RESOURCES[p.resource] ?? `resource ${p.resource}`}${p.resources.length > 0 ? ': ' : ''}` +
					p.resources
						.map((n) => (n === null ? 'a name that is not UTF-8' : JSON.stringify(n)))
						.join(', '),
			]),
		]),
		s.privileges.length > 0
			? privilegeTable(s.privileges, result.issueTs, result.expireAt)
			: el('p', { class: 'note' }, 'It has no privileges.'),
	)
}

function appBadge(result, client) {
	const known = client.appId ?? projects.find((p) => p.appId === result.appId)?.appId

	if (result.appId === undefined) return null
	if (known === result.appId)
		return badge(
			'good',
			client.appId === undefined ? "App ID is this server's" : "App ID is the client's",
		)
	return known === undefined && projects.length === 0
		? badge('', 'App ID not compared')
		: badge('bad', 'another App ID')
}

function badgesOf(result, client, from) {
	const good = result.signatureValid

	return el(
		'ul',
		{ class: 'badges' },
		result.version === undefined
			? badge('bad', 'not an Agora token')
			: badge(
					result.version === '006' ? 'warn' : '',
					`version ${result.version}${result.version === '006' ? ', legacy' : ''}`,
				),
		appBadge(result, client),
		result.expired !== undefined &&
			badge(result.expired ? 'bad' : 'good', result.expired ? 'expired' : 'not expired'),
		result.version !== undefined &&
			badge(
				good === null ? '' : good ? 'good' : 'bad',
				`signature ${good === null ? 'not checked' : good ? 'good' : 'wrong'}`,
			),
		badge('', from === 'server' ? 'verified on the server' : 'decoded in this browser'),
	)
}

function problemList(problems) {
	return el(
		'ul',
		{ class: 'problems', 'aria-label': 'Problems' },
		problems.map((p) =>
			el(
				'li',
				{ class: HINTS.has(p.code) || p.code === 'not_verified' ? 'hint' : '' },
				el('p', { class: 'words' }, p.problem),
				el('p', null, `Fix: ${p.fix}`),
				el('code', null, p.code),
				HINTS.has(p.code) &&
					el('span', { class: 'pair' }, 'a hint: no token is refused for it'),
			),
		),
	)
}

function verdictOf(result, from) {
	const refused = result.problems.filter(
		(p) => !HINTS.has(p.code) && p.code !== 'not_verified',
	).length
	const hints = result.problems.filter((p) => HINTS.has(p.code)).length
	const rest = hints === 0 ? '' : hints === 1 ? ' One hint.' : ` ${hints} hints.`

	if (result.valid)
		return ['good', `Valid: nothing that it is refused for, and the signature is good.${rest}`]
	if (refused > 0)
		return [
			'bad',
			`Not valid: ${refused === 1 ? 'one problem' : `${refused} problems`} that it is refused for.${rest}`,
		]
	return [
		hints > 0 ? 'warn' : 'good',
		from === 'server'
			? `Nothing was found that it is refused for, but the signature was not checked.${rest}`
			: `Nothing was found that it is refused for. Its signature can only be verified on the server.${rest}`,
	]
}

function showInspection(result, client, from) {
	const [kind, words] = verdictOf(result, from)
	const services = (result.services ?? []).map((s) => serviceCard(s, result))

	if (result.version === '006' && result.privileges !== undefined)
		services.push(
			el(
				'div',
				{ class: 'service' },
				el('h4', null, 'RTC or RTM, by its privileges'),
				privilegeTable(result.privileges, undefined, result.expireAt),
			),
		)
	$('inspect-verdict').className = `verdict ${kind}`
	$('inspect-verdict').textContent = words
	$('inspect-result').replaceChildren(
		badgesOf(result, client, from),
		problemList(result.problems),
		definitions([
			['App ID', nameOr(result.appId, '', 'none')],
			['issued', result.issueTs === undefined ? undefined : utc(result.issueTs)],
			['expires', result.expireAt === undefined ? undefined : utc(result.expireAt)],
			['lifetime', result.expire === undefined ? undefined : span(result.expire)],
			['verified by', result.certificate && `the ${result.certificate} certificate`],
			[
				'not read',
				result.firstUnknownType &&
					`a service of the unknown type ${result.firstUnknownType}, and what follows it`,
			],
		]),
		result.expireAt === undefined
			? ''
			: el(
					'div',
					{ class: 'scroll' },
					el(
						'table',
						{ class: 'privileges' },
						el(
							'thead',
							null,
							el(
								'tr',
								null,
								['What', 'Until', 'Left', 'Time'].map((t) =>
									el('th', { scope: 'col' }, t),
								),
							),
						),
						el(
							'tbody',
							null,
							el(
								'tr',
								null,
								el('th', { scope: 'row' }, 'the whole token'),
								el('td', null, utc(result.expireAt)),
								remaining(result.expireAt),
								el(
									'td',
									null,
									bar(
										result.issueTs ?? Math.min(clock(), result.expireAt),
										result.expireAt,
										result.expireAt,
									),
								),
							),
						),
					),
				),
		services.length > 0 ? el('h3', null, 'Services') : '',
		...services,
	)
}

let inspecting = 0

async function inspectHere() {
	const text = $('token').value
	const client = clientOf()
	const mine = ++inspecting

	$('inspect-error').textContent = ''
	if (text === '') {
		$('inspect-verdict').textContent = ''
		$('inspect-result').replaceChildren()
		return
	}
	const result = await inspect(text, client)

	/* A later one has begun since. */
	if (mine === inspecting) showInspection(result, client, 'browser')
}

function inspectThis(token) {
	$('token').value = token
	choose($('tab-inspect'), true)
	inspectHere()
}

function inspectThere(event) {
	event.preventDefault()
	return busy(inspectForm, 'inspect-error', async () => {
		const client = clientOf()
		const mine = ++inspecting
		const { json } = await ask('POST', '/token/inspect', { token: $('token').value, ...client })

		if (mine === inspecting) showInspection(json, client, 'server')
	})
}

/* Services */

const MODES = ['mix', 'individual', 'raw', 'web']
const REGIONS = ['na', 'eu', 'ap', 'cn']
const field = (name, meaning, more) => ({ name, meaning, ...more })
const need = { required: true }
const json = { kind: 'json' }
const names = { kind: 'list' }
const secret = { kind: 'secret' }
const JOB = [
	field('cname', 'Channel', need),
	field('uid', "The recorder's uid", need),
	field('resourceId', 'resourceId', need),
	field('sid', 'sid', need),
]
const MODE = field('recordingMode', 'Mode', { choices: MODES })
const TASK = field('taskId', 'Task', { required: true, inPath: true })
const ITS_CHANNEL = (name) => field(name, 'Its channel, for callers with some channels')

/*
 * What can be done, by which request, with which fields.  `started` finds in the answer of a start
 * what the other actions need; `bills` is what costs money.
 */
const SERVICES = {
	recording: {
		label: 'Cloud recording',
		start: {
			label: 'Start',
			method: 'POST',
			path: '/cloud_recording/start',
			bills: true,
			fields: [
				field('channelName', 'Channel to record', need),
				MODE,
				field('uid', "The recorder's own uid (empty: one by chance)"),
				field('recordingConfig', "Agora's recordingConfig", json),
				field('recordingFileConfig', "Agora's recordingFileConfig", json),
				field(
					'extensionServiceConfig',
					"Agora's extensionServiceConfig; mode web needs it",
					json,
				),
				field('wait', 'Wait for it to record, seconds, 0 to 20', { kind: 'number' }),
			],
			started: (a, sent) => ({
				cname: a.cname,
				uid: a.uid,
				resourceId: a.resourceId,
				sid: a.sid,
				recordingMode: sent.recordingMode,
				mode: sent.recordingMode,
			}),
		},
		query: {
			label: 'Query',
			method: 'GET',
			path: '/cloud_recording/status',
			fields: [
				...JOB.slice(2),
				field('mode', 'Mode', { choices: MODES }),
				ITS_CHANNEL('cname'),
			],
		},
		update: {
			label: 'Update whom it records',
			method: 'POST',
			path: '/cloud_recording/update/subscriber-list',
			bills: true,
			fields: [
				...JOB,
				MODE,
				field('recordingConfig', 'What to change', { ...json, ...need }),
			],
		},
		layout: {
			label: 'Update its layout',
			method: 'POST',
			path: '/cloud_recording/update/layout',
			bills: true,
			fields: [
				...JOB,
				MODE,
				field('recordingConfig', 'The new layout', { ...json, ...need }),
			],
		},
		stop: {
			label: 'Stop',
			method: 'POST',
			path: '/cloud_recording/stop',
			bills: true,
			fields: [...JOB, MODE],
		},
	},
	rtt: {
		label: 'Transcription',
		start: {
			label: 'Start',
			method: 'POST',
			path: '/rtt/start',
			bills: true,
			fields: [
				field('channelName', 'Channel to transcribe', need),
				field('languages', 'Languages, such as en-US, with commas', { ...names, ...need }),
				field('subscribeAudioUids', 'uids to listen to (empty: all), with commas', names),
				field('maxIdleTime', 'Ends after so many seconds without speakers', {
					kind: 'number',
				}),
				field('translateConfig', "Agora's translateConfig", json),
				field('enableStorage', 'Keep captions in the storage', { kind: 'yes' }),
			],
			started: (a, sent) => ({ taskId: a.start?.taskId, channelName: sent.channelName }),
		},
		query: {
			label: 'Query',
			method: 'GET',
			path: '/rtt/status/:taskId',
			fields: [TASK, ITS_CHANNEL('channelName')],
		},
		update: {
			label: 'Update',
			method: 'POST',
			path: '/rtt/update/:taskId',
			bills: true,
			fields: [
				TASK,
				ITS_CHANNEL('channelName'),
				field('languages', 'Languages, with commas', names),
				field('rtcConfig', "Agora's rtcConfig", json),
				field('translateConfig', "Agora's translateConfig", json),
			],
		},
		stop: {
			label: 'Stop',
			method: 'DELETE',
			path: '/rtt/stop/:taskId',
			bills: true,
			fields: [TASK, ITS_CHANNEL('channelName')],
		},
	},
	push: {
		label: 'Media push',
		start: {
			label: 'Start',
			method: 'POST',
			path: '/rtmp/push/start',
			bills: true,
			fields: [
				field('rtcChannel', 'Channel to send', need),
				field('streamUrl', "The RTMP server's URL", need),
				field('streamKey', 'Its stream key', secret),
				field('region', 'Region', { choices: REGIONS, ...need }),
				field('rtcStreamUid', 'Whose stream, without transcoding'),
				field('useTranscoding', 'Mixed, with audioOptions and videoOptions', {
					kind: 'yes',
				}),
				field('audioOptions', "Agora's audioOptions", json),
				field('videoOptions', "Agora's videoOptions", json),
				field('idleTimeOut', 'Ends after so many seconds without a stream, 5 to 600', {
					kind: 'number',
				}),
			],
			started: (a, sent) => ({
				converterId: a.converter?.id,
				id: a.converter?.id,
				region: sent.region,
				rtcChannel: sent.rtcChannel,
			}),
		},
		query: {
			label: 'Query',
			method: 'GET',
			path: '/rtmp/push/status/:id',
			fields: [
				field('id', 'Converter', { required: true, inPath: true }),
				field('region', 'Region', { choices: REGIONS, ...need }),
				ITS_CHANNEL('rtcChannel'),
			],
		},
		update: {
			label: 'Update',
			method: 'POST',
			path: '/rtmp/push/update',
			bills: true,
			fields: [
				field('converterId', 'Converter', need),
				field('region', 'Region', { choices: REGIONS, ...need }),
				ITS_CHANNEL('rtcChannel'),
				field('streamUrl', 'Another server'),
				field('streamKey', 'Its stream key', secret),
				field('audioOptions', "Agora's audioOptions", json),
				field('videoOptions', "Agora's videoOptions", json),
			],
		},
		stop: {
			label: 'Stop',
			method: 'POST',
			path: '/rtmp/push/stop',
			bills: true,
			fields: [
				field('converterId', 'Converter', need),
				field('region', 'Region', { choices: REGIONS, ...need }),
				ITS_CHANNEL('rtcChannel'),
			],
		},
	},
	pull: {
		label: 'Media pull',
		start: {
			label: 'Start',
			method: 'POST',
			path: '/rtmp/pull/start',
			bills: true,
			fields: [
				field('channelName', 'Channel to play into', need),
				field('streamUrl', 'What to play', need),
				field('region', 'Region', { choices: REGIONS, ...need }),
				field('uid', "The player's uid (empty: one by chance)"),
				field('repeatTime', 'How often; -1 for ever', { kind: 'number' }),
				field('seekPosition', 'Begin at so many seconds', { kind: 'number' }),
				field('idleTimeOut', 'Ends after so many seconds without a stream, 5 to 600', {
					kind: 'number',
				}),
				field('audioOptions', "Agora's audioOptions", json),
				field('videoOptions', "Agora's videoOptions", json),
			],
			started: (a, sent) => ({
				playerId: a.player?.id,
				id: a.player?.id,
				region: sent.region,
				channelName: sent.channelName,
			}),
		},
		query: {
			label: 'Query',
			method: 'GET',
			path: '/rtmp/pull/status/:id',
			fields: [
				field('id', 'Player', { required: true, inPath: true }),
				ITS_CHANNEL('channelName'),
			],
		},
		update: {
			label: 'Update',
			method: 'POST',
			path: '/rtmp/pull/update',
			bills: true,
			fields: [
				field('playerId', 'Player', need),
				field('region', 'Region', { choices: REGIONS, ...need }),
				ITS_CHANNEL('channelName'),
				field('streamUrl', 'Another stream'),
				field('audioOptions', '{"volume": 0 to 200}', json),
				field('isPause', 'Pause', { choices: ['', 'true', 'false'], kind: 'maybe' }),
				field('seekPosition', 'Go to so many seconds', { kind: 'number' }),
			],
		},
		stop: {
			label: 'Stop',
			method: 'POST',
			path: '/rtmp/pull/stop',
			bills: true,
			fields: [
				field('playerId', 'Player', need),
				field('region', 'Region', { choices: REGIONS, ...need }),
				ITS_CHANNEL('channelName'),
			],
		},
	},
}

const serviceForm = $('service-form')
const jobs = []

const actionOf = () => SERVICES[$('service').value][$('action').value]

/* [service, action] of the fields that stand there; what they held goes to fields of the same name. */
function buildFields(values = {}) {
	$('service-fields').replaceChildren(
		...actionOf().fields.map((f) => {
			const id = `service-${f.name}`
			const common = { id, name: f.name, autocomplete: 'off', spellcheck: 'false' }
			const value = values[f.name] ?? ''
			let input

			if (f.choices)
				input = el(
					'select',
					common,
					f.choices.map((c) => el('option', { value: c, selected: c === value }, c)),
				)
			else if (f.kind === 'json')
				input = el('textarea', { ...common, rows: 2, placeholder: '{}' }, value)
			else
				input = el('input', {
					...common,
					value: f.kind === 'yes' ? 'true' : value,
					type:
						{ number: 'number', secret: 'password', yes: 'checkbox' }[f.kind] ?? 'text',
				})
			return el(
				'p',
				null,
				el(
					'label',
					{ for: id },
					f.meaning,
					f.required ? '' : el('span', { class: 'note' }, ' (optional)'),
				),
				input,
			)
		}),
	)
}

function fieldValue(f, input) {
	const text = input.value.trim()

	if (f.kind === 'yes') return input.checked || undefined
	if (text === '') return undefined
	switch (f.kind) {
		case 'number':
			return Number(text)
		case 'maybe':
			return text === 'true'
		case 'list':
			return text
				.split(',')
				.map((part) => part.trim())
				.filter(Boolean)
		case 'json':
			try {
				return JSON.parse(text)
			} catch {
				throw Object.assign(new Refusal(`${f.name}: must be JSON`), { input })
			}
		default:
			return text
	}
}

/* {method, path, body} of the form as it stands. */
function serviceRequest() {
	const action = actionOf()
	const values = {}
	let path = action.path

	for (const f of action.fields) {
		const value = fieldValue(f, $(`service-${f.name}`))

		if (f.inPath) path = path.replace(`:${f.name}`, encodeURIComponent(value ?? ''))
		else if (value !== undefined) values[f.name] = value
	}
	if (action.method === 'POST') return { method: action.method, path, body: values }
	const query = new URLSearchParams(values).toString()

	return { method: action.method, path: query === '' ? path : `${path}?${query}` }
}

function showService() {
	$('service-note').textContent = actionOf().bills
		? 'This changes what runs at Agora, and what it costs.'
		: ''
	try {
		const { method, path, body } = serviceRequest()

		$('service-commands').replaceChildren(command('curl', curlOf(method, path, body)))
	} catch {
		$('service-commands').replaceChildren()
	}
}

function showJobs() {
	$('jobs').replaceChildren(
		el(
			'div',
			{ class: 'scroll' },
			el(
				'table',
				{ class: 'jobs' },
				el(
					'thead',
					null,
					el(
						'tr',
						null,
						['What', 'Ids', 'Since', 'State', ''].map((t) =>
							el('th', { scope: 'col' }, t || el('span', null, 'Actions')),
						),
					),
				),
				el(
					'tbody',
					null,
					jobs.map((job) =>
						el(
							'tr',
							null,
							el(
								'th',
								{ scope: 'row' },
								`${SERVICES[job.service].label}: ${job.ids.cname ?? job.ids.rtcChannel ?? job.ids.channelName}`,
							),
							el(
								'td',
								{ class: 'name' },
								Object.entries(job.ids)
									.filter(([name]) =>
										[
											'uid',
											'resourceId',
											'sid',
											'taskId',
											'converterId',
											'playerId',
											'region',
										].includes(name),
									)
									.map(([name, value]) => el('div', null, `${name} ${value}`)),
							),
							el('td', null, utc(job.since).slice(11)),
							el('td', null, job.state),
							el(
								'td',
								{ class: 'acts' },
								['query', 'update', 'stop'].map((action) =>
									el(
										'button',
										{
											type: 'button',
											class: 'small',
											disabled: job.state === 'stopped' && action !== 'query',
											click: () => doWith(job, action),
										},
										SERVICES[job.service][action].label.split(' ')[0],
									),
								),
							),
						),
					),
				),
			),
		),
	)
}

async function doWith(job, action) {
	$('service').value = job.service
	showActions(action)
	buildFields(job.ids)
	showService()
	if (action === 'update') $('service-fields').querySelector('textarea, input')?.focus()
	else await sendService()
}

function noteJob(action, body, answer) {
	const started = SERVICES[$('service').value][action].started
	const has = (job) =>
		Object.entries(job.ids).some(
			([name, value]) =>
				['sid', 'taskId', 'converterId', 'playerId', 'id'].includes(name) &&
				$(`service-${name}`)?.value === value,
		)

	if (started !== undefined)
		jobs.unshift({
			service: $('service').value,
			ids: started(answer, body),
			since: clock(),
			state: 'started',
		})
	for (const job of started === undefined ? jobs.filter(has) : [])
		job.state =
			action === 'stop'
				? 'stopped'
				: action === 'query'
					? String(
							answer.query?.status ??
								answer.serverResponse?.status ??
								answer.converter?.state ??
								answer.player?.status ??
								'asked',
						)
					: 'updated'
	if (jobs.length > 0) showJobs()
}

function sendService() {
	const action = $('action').value

	$('service-result').hidden = true
	return busy(serviceForm, 'service-error', async () => {
		const { method, path, body } = serviceRequest()
		const { json: answer } = await ask(method, path, body)

		noteJob(action, body, answer)
		$('service-result').replaceChildren(
			el('h3', null, 'The answer'),
			el('pre', { tabindex: 0, 'aria-label': 'Answer' }, JSON.stringify(answer, null, 2)),
		)
		$('service-result').hidden = false
	})
}

function showActions(chosen) {
	$('action').replaceChildren(
		...Object.entries(SERVICES[$('service').value])
			.filter(([name]) => name !== 'label')
			.map(([name, action]) =>
				el('option', { value: name, selected: name === chosen }, action.label),
			),
	)
}

/* Status */

const MODE_WORDS = {
	open: 'OPEN: whoever reaches the service gets any token',
	log: 'the policy is only recorded, not enforced',
	on: 'a policy says who may do what',
}

/* Not being ready is an answer, too. */
async function readiness() {
	try {
		return await ask('GET', '/readyz?verbose')
	} catch (error) {
		if (error.json?.checks === undefined) throw error
		return error
	}
}

/* Seconds that one clock is ahead of another; half a minute is let pass, as tokens are judged. */
function clockBadge(whose, ahead) {
	return badge(
		Math.abs(ahead) <= 30 ? 'good' : 'bad',
		Math.abs(ahead) < 2
			? `${whose} clock agrees`
			: `${whose} clock is ${span(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} the server's`,
	)
}

function statusBadges(ready, s) {
	return el(
		'ul',
		{ class: 'badges' },
		badge(
			ready.mode === 'open' ? 'bad' : ready.mode === 'log' ? 'warn' : 'good',
			MODE_WORDS[ready.mode] ?? ready.mode,
		),
		badge(ready.status === 'ready' ? 'good' : 'bad', ready.status),
		s && [
			badge('', `version ${s.version}`),
			clockBadge("this browser's", clock() - s.time),
			s.agoraAhead === undefined
				? badge('', 'Agora was not asked yet')
				: clockBadge("Agora's", s.agoraAhead),
		],
	)
}

function recordTable(records) {
	const shown = [
		'verdict',
		'action',
		'caller',
		'sub',
		'grant',
		'service',
		'channel',
		'uid',
		'role',
		'reason',
	]
	const rest = (r) =>
		shown
			.slice(2)
			.filter((name) => r[name] !== undefined)
			.map((name) =>
				el('span', { class: 'pair' }, `${name} `, el('span', { class: 'name' }, r[name])),
			)

	return el(
		'div',
		{ class: 'scroll' },
		el(
			'table',
			{ class: 'log' },
			el(
				'thead',
				null,
				el(
					'tr',
					null,
					['Time', 'Verdict', 'Action', 'Who and what'].map((t) =>
						el('th', { scope: 'col' }, t),
					),
				),
			),
			el(
				'tbody',
				null,
				records.map((r) =>
					el(
						'tr',
						null,
						el('td', null, r.time.replace('T', ' ').replace('Z', ' UTC')),
						el('td', { class: r.verdict === 'allow' ? 'good' : 'bad' }, r.verdict),
						el('td', { class: 'name' }, r.action),
						el('td', null, rest(r)),
					),
				),
			),
		),
	)
}

function statusDetails(s) {
	const { limits, counts } = s

	return [
		el('h3', null, 'Services'),
		el(
			'ul',
			{ class: 'badges' },
			s.services.map(({ name, on }) =>
				badge(on ? 'good' : '', `${SERVICES[name]?.label ?? name}: ${on ? 'on' : 'off'}`),
			),
		),
		el('h3', null, 'Limits'),
		definitions([
			['body', `${limits.body} bytes`],
			['one address', limits.address ?? 'no limit'],
			['wrong credentials of one address', limits.failure ?? '60/min'],
			['calls to Agora at once', String(limits.calls)],
			['for all calls of a request', span(limits.callSeconds)],
		]),
		counts && [
			el('h3', null, 'Since the worker began'),
			definitions(
				[
					['requests', counts.requests],
					['tokens', counts.tokens],
					['not granted', counts.denied],
					['callers not known', counts.failures],
					['too often', counts.limited],
					['requests to Agora', counts.calls],
				].map(([name, value]) => [name, String(value)]),
			),
		],
		s.projects
			? [
					el('h3', null, 'Projects and certificates'),
					definitions(
						s.projects.map((p) => [
							p.name,
							[
								el('span', { class: 'name' }, p.appId),
								`, certificate \u2026${p.primary ?? ' none'}${p.secondary ? `, secondary \u2026${p.secondary}` : ''}`,
							],
						]),
					),
					el('h3', null, 'The last records, without tokens'),
					s.audit.length > 0
						? recordTable(s.audit)
						: el(
								'p',
								{ class: 'note' },
								s.mode === 'open'
									? 'None: without a policy only AUDIT_FILE makes records.'
									: 'None yet.',
							),
				]
			: el(
					'p',
					{ class: 'note' },
					'Certificates and records are shown on this machine alone, or where a grant has status.read.',
				),
	]
}

function lookAtStatus() {
	return busy($('status-again'), 'status-error', async () => {
		const { json: ready } = await readiness()
		const checks = definitions(ready.checks.map((c) => [c.name, c.reason ?? c.status]))

		$('status-result').replaceChildren(statusBadges(ready), checks)
		const { json: s } = await ask('GET', '/status')

		projects = s.projects ?? []
		$('status-result').replaceChildren(
			statusBadges(ready, s),
			checks,
			...statusDetails(s).flat(Infinity).filter(Boolean),
		)
	})
}

/* Beginning */

$('sign-in').addEventListener('submit', signIn)
for (const tab of tabs) {
	tab.addEventListener('click', () => choose(tab))
	tab.addEventListener('keydown', tabKey)
}
issueForm.addEventListener('input', showIssue)
issueForm.addEventListener('submit', issue)
inspectForm.addEventListener('input', inspectHere)
inspectForm.addEventListener('submit', inspectThere)
$('inspect-clear').addEventListener('click', () => {
	inspectForm.reset()
	inspectHere()
	$('token').focus()
})
$('service').replaceChildren(
	...Object.entries(SERVICES).map(([name, s]) => el('option', { value: name }, s.label)),
)
showActions('start')
buildFields()
showService()
$('service').addEventListener('change', () => {
	$('service-result').hidden = true
	showActions('start')
	buildFields()
	showService()
})
$('action').addEventListener('change', () => {
	$('service-result').hidden = true
	buildFields(jobs.find((job) => job.service === $('service').value)?.ids)
	showService()
})
serviceForm.addEventListener('input', showService)
serviceForm.addEventListener('submit', (event) => {
	event.preventDefault()
	sendService()
})
$('status-again').addEventListener('click', lookAtStatus)
addEventListener('beforeunload', (event) => {
	if (jobs.some((job) => job.state !== 'stopped')) event.preventDefault()
})
showIssue()
choose(tabs.find((tab) => `#${tab.getAttribute('aria-controls')}` === location.hash) ?? tabs[0])
ask('GET', '/readyz').then(
	({ json: ready }) => showMe({ mode: ready.mode }),
	(error) => showError('who', error),
)
