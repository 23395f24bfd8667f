// The console: what a token says and why it is refused, found in the browser alone; and forms for
// what the API does.  A binary string holds bytes, one in each of its characters.

/* Tokens: their wire format, as common/token reads it */

const TOKEN_MAX = 16384
const CONTENT_MAX = 65536
const EXPIRE_MAX = 86400
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
const RTM = 2
const LOGIN_006 = 1000 /* the privilege of version 006 to log in to RTM */

const find = (list, id) => list.find((p) => p.id === id)

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
async function feed(packed, piece, format = 'deflate') {
	const stream = new DecompressionStream(format)
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

/* Tokens as somebody copied them, as common/tokens/copied.c looks through it */

function percentDecode(text, c) {
	return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => {
		c.percent = true
		return String.fromCharCode(parseInt(hex, 16))
	})
}

/* What JSON, source text and word processors make of it; a tab is a blank that is no lost +. */
function makePlain(text, c) {
	return text.replace(
		/\\(?:[nrt]|u00[0-7][0-9a-fA-F])?|\xc2\xa0|\xe2\x80[\x8b\x98\x99\x9c\x9d]|\xef\xbb\xbf/g,
		(sign) => {
			if (sign[0] === '\\') {
				c.quotes = true
				if (sign.length === 6) return String.fromCharCode(parseInt(sign.slice(2), 16))
				return sign.length === 2 ? '\n' : ''
			}
			if (/[\x98\x99]$/.test(sign)) return "'"
			return /[\x9c\x9d]$/.test(sign) ? '"' : '\t'
		},
	)
}

const isBlank = (char) => char === ' ' || (char >= '\t' && char <= '\r')

/* [begin, end] of the token in the text, by steps: an expression would look at long texts for long. */
function trim(text, c) {
	let begin = 0
	let end = text.length
	const cut = (atFront, atEnd = atFront) => {
		const before = end - begin

		while (end > begin && atEnd(text[end - 1])) end--
		while (end > begin && atFront(text[begin])) begin++
		return end - begin < before
	}
	const isQuote = (char) => char === '"' || char === "'" || char === '`'
	const isMark = (char) => isQuote(char) || char === ',' || char === ';'
	const cutBearer = () => {
		if (end - begin < 7 || !/^Bearer $/i.test(text.slice(begin, begin + 7))) return false
		begin += 7
		while (end > begin && isBlank(text[begin])) begin++
		return true
	}

	for (let again = true; again; ) {
		const blanks = cut(isBlank)
		const quotes = cut(isQuote, isMark)
		const bearer = cutBearer()

		c.blanks ||= blanks
		c.quotes ||= quotes
		c.bearer ||= bearer
		again = blanks || quotes || bearer
	}
	return [begin, end]
}

/* A publisher's token for these names is about as long; common/tokens/copied.c reckons the same. */
function likelyLength({ channel, user }, is006) {
	return is006 ? 139 : 150 + Math.floor((((channel?.length ?? 8) + (user?.length ?? 5)) * 4) / 3)
}

/* How long a token of version 006 was, which it says itself; 0: that is cut off, too. */
function exactLength(p, token) {
	const bytes = p.version === 6 && p.signature !== null ? unbase64(token.slice(35)) : ''

	if (bytes.length < 44) return 0
	return 35 + Math.floor((44 + bytes.charCodeAt(42) + bytes.charCodeAt(43) * 256 + 2) / 3) * 4
}

/* What was perhaps cut off in front or at the end, when a token has that error. */
const LOST = { bad_version: ['0', '00', '007'], bad_base64: ['=', '=='] }

async function parseCut(token, names, c) {
	let p = await parseToken(token)
	let error = p.error
	let part = token

	c.length = token.length
	for (const lost of token.length <= TOKEN_MAX ? (LOST[error] ?? []) : []) {
		const isFront = error === 'bad_version'

		p = await parseToken(isFront ? lost + token : token + lost)
		if (p.error === null) {
			c.isCut = true
			c[isFront ? 'front' : 'end'] = lost.length
			return p
		}
	}
	/*
	 * It is by luck alone when the cut is between two of base64's groups of four.  And somebody
	 * may have added the = that a decoder wanted.
	 */
	const bare = error === 'bad_base64' ? token.replace(/={1,9}$/, '') : token

	for (
		let over = bare.length === token.length ? 1 : 0;
		error === 'bad_base64' &&
		over <= 3 &&
		over < bare.length &&
		(over === 0 || /[A-Za-z0-9+/]/.test(bare[bare.length - over]));
		over++
	) {
		part = bare.slice(0, bare.length - over)
		p = await parseToken(part)
		if (p.error === 'truncated') {
			error = 'truncated'
			c.length = bare.length
		}
	}
	if (error === 'truncated' && (p.version === 6 || p.signature === null)) {
		const exact = exactLength(p, part)
		const whole = exact || likelyLength(names, p.version === 6)

		c.isCut = exact === 0 || exact > token.length
		c.isExact = exact > 0
		c.missing = Math.max(whole - token.length, 0)
	}
	p = await parseToken(token)
	p.error = error
	return p
}

/* In one line: a run of blanks with a line end in it is left out, and the others are so replaced. */
function join(text, blank, c) {
	let hasBlanks = false
	const token = text.replace(/[ \t-\r]+/g, (run) => {
		if (/[\t-\r]/.test(run)) {
			c.blanks = true
			return ''
		}
		hasBlanks = true
		return blank.repeat(run.length)
	})

	return [token, hasBlanks]
}

/* Each blank in it as a +, or else as a blank that was added. */
async function parseTrimmed(text, blankBehind, names, c) {
	const without = { ...c, blanks: true }
	const [token, hasBlanks] = join(text, '+', c)
	let p

	c.plus = hasBlanks
	c.token = token
	const before = { ...c }

	p = await parseCut(token, names, c)
	if (p.error === null) return p
	if (hasBlanks) {
		const other = await parseCut(join(text, '', without)[0], names, without)

		if (other.error === null) {
			Object.assign(c, without)
			return other
		}
	}
	if (blankBehind && token.length <= TOKEN_MAX) {
		const other = await parseToken(`${token}+`)

		if (other.error === null) {
			Object.assign(c, before, { plus: true, blanks: false })
			return other
		}
	}
	return p
}

/* Where a token begins in the text, not before `from`; -1: nowhere. */
function findToken(text, from) {
	const found = text.slice(from).search(/007e[AFJN]|006[0-9a-fA-F]{32}IA/)

	return found < 0 ? -1 : found + from
}

const nothingCopied = () => ({
	quotes: false,
	bearer: false,
	blanks: false,
	percent: false,
	plus: false,
	isInside: false,
	isFollowed: false,
	isCut: false,
	isExact: false,
	length: 0,
	front: 0,
	end: 0,
	missing: 0,
	text: '',
	token: '',
})

/* Without what follows it: `T)`, `T&x=1`, `T/`.  null: that is not why it cannot be read. */
async function parseFollowed(t, names, c) {
	let token = /^[A-Za-z0-9+/]*={0,2}/.exec(t)[0]
	const rest = t.slice(token.length)
	const alone = { ...nothingCopied(), text: c.text }
	const isEllipsis = rest.startsWith('..') || rest === '\xe2\x80\xa6'
	let p

	if (rest === '' ? !token.endsWith('/') : /^[-_]/.test(rest)) return null
	p = await parseTrimmed(token, false, names, alone)
	while (p.error !== null && token.endsWith('/')) {
		token = token.slice(0, -1)
		p = await parseTrimmed(token, false, names, alone)
	}
	if (p.error !== null && !(p.error === 'truncated' && isEllipsis)) return null
	Object.assign(c, alone, { isInside: p.error === null })
	return p
}

/* The token in the text, and in c what had to be looked through. */
async function parseCopied(text, names, c) {
	let plain = text
	let found, p

	for (let times = 0; times < 3; times++) plain = percentDecode(plain, c)
	plain = makePlain(plain, c)
	const [begin, end] = trim(plain, c)
	const t = plain.slice(begin, end)

	p = await parseTrimmed(t, plain[end] === ' ', names, c)
	c.text = t
	if (p.error === 'bad_version') {
		Object.assign(c, nothingCopied(), { length: t.length, text: t, token: c.token })
		found = findToken(t, 1)
		if (found < 0) return p
		c.isInside = true
		return parseTrimmed(/^[A-Za-z0-9+/]*={0,2}/.exec(t.slice(found))[0], false, names, c)
	}
	found = p.error === null ? -1 : findToken(t, 3)
	if (found < 0) {
		if (!['bad_base64', 'truncated', 'trailing_data'].includes(p.error)) return p
		return (await parseFollowed(t, names, c)) ?? p
	}
	Object.assign(c, { isFollowed: true, isCut: false, plus: false })
	const first = t.slice(0, found)

	return parseTrimmed(first.slice(...trim(first, nothingCopied())), false, names, c)
}

/* What is not a token of Agora's libraries, as common/tokens/foreign.c tells */

const isNothing = (text) => /^(?:undefined|\(?null\)?|<null>|none|<?nil>?|nan|false|true)$/i.test(text)
const isObject = (text) =>
	/^(?:\[object |instance of |promise \{|<coroutine |<task |<future |system\.threading\.tasks|kotlinx\.coroutines|optional\(|java\.util\.concurrent|closure: |function |async )/i.test(
		text,
	)
const JWT = /(?:^|[^A-Za-z0-9])eyJ[A-Za-z0-9_-]*\.eyJ/

/* With its = or without them; null: it is not. */
const unbase64Loose = (text) => {
	const bare = text.replace(/=+$/, '')

	return bare === '' ? null : unbase64(bare + '='.repeat((4 - (bare.length % 4)) % 4))
}

const code = (bytes, i) => (i < bytes.length ? bytes.charCodeAt(i) : 0)
const hasZlibHeader = (bytes) =>
	bytes.length >= 2 &&
	(code(bytes, 0) & 15) === 8 &&
	code(bytes, 0) >> 4 <= 7 &&
	(code(bytes, 0) * 256 + code(bytes, 1)) % 31 === 0

/* One whole stream, or null. */
async function unpack(bytes, format) {
	const packed = Uint8Array.from(bytes, (c) => c.charCodeAt(0))
	const { content, ended } = await feed(packed, Math.max(packed.length, 1), format)

	return ended && content.length > 0 && content.length <= CONTENT_MAX ? content : null
}

/* A signature's length, and what comes after it. */
function contentOf(bytes) {
	if (bytes[0] === '{') return 'JSON'
	if (code(bytes, 0) === 0 && code(bytes, 1) === 32) return 'big-endian'
	if (/^\x40\0[0-9a-fA-F]{64}/.test(bytes)) return 'hex'
	if (code(bytes, 0) === 32 && code(bytes, 1) === 0 && bytes.length > 44) {
		if (code(bytes, 34) === 32 && code(bytes, 35) === 0) return '007'
		if (code(bytes, 42) + code(bytes, 43) * 256 === bytes.length - 44) return '006'
	}
	return /^[\x20-\x7e]+$/.test(bytes) ? 'text' : ''
}

const INSIDE = {
	JSON: 'JSON in a zlib stream',
	'006': 'the layout of version 006 in a zlib stream',
	'big-endian': 'numbers with the high byte first',
	hex: 'a signature in hexadecimal',
	text: 'text in a zlib stream',
}
const UNCOMPRESSED = {
	JSON: 'base64 of JSON',
	'006': 'the layout of version 006 after 007',
	'007': 'AccessToken2 that is not compressed',
	'big-endian': 'bytes that are not compressed, and numbers with the high byte first',
	hex: 'bytes that are not compressed, and a signature in hexadecimal',
	text: 'base64 of text',
	'': 'bytes that are not compressed, or not by zlib',
}

async function looksPacked(bytes) {
	if (hasZlibHeader(bytes)) {
		const content = await unpack(bytes, 'deflate')

		return content === null ? null : (INSIDE[contentOf(content)] ?? null)
	}
	if (code(bytes, 0) === 0x1f && code(bytes, 1) === 0x8b) return 'gzip, where zlib belongs'
	if (contentOf(bytes) === '' && (await unpack(bytes, 'deflate-raw')) !== null)
		return "raw deflate, without zlib's header and checksum"
	/* A good stream after its header: that is damaged, and so is the checksum then, or not. */
	if (bytes.length > 6 && (await unpack(bytes.slice(2, -4), 'deflate-raw')) !== null) return null
	return UNCOMPRESSED[contentOf(bytes)]
}

async function looksAfter007(t) {
	const body = t.slice(3)
	let bytes

	if (/^[0-9a-fA-F]{32}/.test(body)) {
		if (body.length === 32) return '007 and an App ID, and nothing more'
		bytes = unbase64Loose(body.slice(32))
		if (bytes !== null)
			return hasZlibHeader(bytes)
				? 'the App ID as text after 007, which belongs into the compressed part'
				: 'the layout of version 006 after 007'
	}
	if (/^eyJ[A-Za-z0-9_-]*\.eyJ/.test(body)) return 'a JSON Web Token after 007'
	if (/^[0-9a-fA-F]{16,}$/.test(body)) return 'hexadecimal, where base64 belongs'
	bytes = unbase64Loose(body)
	if (bytes !== null) return looksPacked(bytes)
	if (!/^[A-Za-z0-9_-]+$/.test(body) || t.length > TOKEN_MAX - 3) return null
	const padded =
		t.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat((4 - (body.length % 4)) % 4)

	return (await parseToken(padded)).error === null
		? 'base64 in the alphabet of URLs, with - and _'
		: null
}

async function looksAfter006(t) {
	if ((await parseToken(`007${t.slice(3)}`)).error === null)
		return 'AccessToken2 with 006 in front of it'
	return hasZlibHeader(unbase64Loose(t.slice(35)) ?? '') ? 'version 006 that is compressed' : null
}

/* {kind, looks}: kind is '' where nothing is known of it. */
async function foreignLook(t, error) {
	let looks = null

	if (error === 'bad_version') {
		if (isNothing(t) || isObject(t)) return { kind: 'not_ready' }
		if (HEX32.test(t)) return { kind: 'hex32' }
		return { kind: JWT.test(t) ? 'jwt' : '' }
	}
	if (error === null || error === 'too_large' || t.length <= 3 || t.length > TOKEN_MAX)
		return { kind: '' }
	if (t.startsWith('007')) looks = await looksAfter007(t)
	else if (t.startsWith('006')) looks = await looksAfter006(t)
	return looks === null ? { kind: '' } : { kind: 'built', looks }
}

/* Of a variable that had no value, or of a route or template that was not filled in. */
const isPlaceholder = (name) =>
	isNothing(name) ||
	isObject(name) ||
	/^(?::[A-Za-z][^]*|\{[^]*\}|<[^]*>|\$[^]*\}|%[sd])$/.test(name)

/* Whether the names let a client in, as common/tokens/fit.c decides */

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
		/* One for RTM has its user where those for RTC have the channel. */
		const exact = e.account ?? e.uid
		const isRtm = !!find(p.privileges, LOGIN_006) && !find(p.privileges, 1)

		if (isRtm) fit.type = RTM
		fit.hasChannels = !isRtm
		fit.channel = e.channel === null || (!isRtm && crc32(e.channel) === p.channelCrc)
		fit.user = isRtm
			? exact === null || crc32(exact) === p.channelCrc
			: user === null || p.userCrc === 0 || crc32(user) === p.userCrc
	}
	if (p.version !== 7 || p.services === null) return fit
	const withChannel = p.services.filter((s) => s.channel !== null)

	fit.hasChannels = withChannel.length > 0
	fit.itsChannel = withChannel[0]?.channel ?? null
	fit.channel = e.channel === null || withChannel.some((s) => opens(s, e.channel))
	fit.user = user === null
	/* One of what opens the channel; else of what opens one; else of all. */
	const counts = (s) =>
		e.channel === null || !fit.hasChannels
			? s.user !== null
			: s.channel !== null && (!fit.channel || opens(s, e.channel))

	for (const s of p.services) {
		const its = counts(s)

		fit.user ||= its && letsIn(s, e)
		if (fit.type === 0 || (its && !closest)) {
			fit.type = s.type
			fit.itsUser = s.user
			closest = its
		}
	}
	return fit
}

/* Problems: common/tokens/inspect.c has the same rows, and the tests compare them */

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
		/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff0-\ufffb]/gu,
		(c) =>
			Array.from({ length: c.length }, (_, i) =>
				`\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`,
			).join(''),
	)
}

/* ASCII alone: what C's tolower knows. */
const lower = (text) => text.replace(/[A-Z]/g, (c) => c.toLowerCase())

function apart(its, verb, clients) {
	/* Also those of word processors: U+00A0, U+200B, U+FEFF. */
	const bare = (text) => text.replace(/[ \t-\r]|\xc2\xa0|\xe2\x80\x8b|\xef\xbb\xbf/g, '')
	let words

	if (its === null || its.length > 255 || clients.length > 255) return ''
	words = `: it is for ${quoted(its)}, and the client ${verb} ${quoted(clients)}`
	if (bare(its) === bare(clients)) words += '; they differ only by blanks'
	else if (lower(its) === lower(clients)) words += '; they differ only in case'
	else if (lower(bare(its)) === lower(bare(clients)))
		words += '; they differ only in case and blanks'
	return words
}

/* As tokens write numbers: no zero in front, and no 0, which is nobody. */
const isNumber = (user) => /^[1-9][0-9]{0,9}$/.test(user ?? '') && Number(user) <= 4294967295

const servicesOf = (l) => (l.p.version === 7 ? (l.p.services ?? []) : [])
const userDiffers = (l) => !l.fit.user && (l.p.version === 6 || servicesOf(l).length > 0)
/* What a library makes of the number 0 that takes it for a string. */
const isForAccountZero = (l) => userDiffers(l) && anyUser(l.fit.type) && l.fit.itsUser === '0'
const joinsWithZero = (l) =>
	userDiffers(l) && userOf(l.e) === '' && anyUser(l.fit.type) && !isForAccountZero(l)
const kindsDiffer = (l) =>
	userDiffers(l) &&
	userOf(l.e) !== '' &&
	anyUser(l.fit.type) &&
	!isForAccountZero(l) &&
	isNumber(l.fit.itsUser) !== isNumber(userOf(l.e))

/* Where it is for nobody who joins, or no channel that is joined, that of others is looked at. */
function hasEntrance(l, s) {
	if (l.fit.user && !letsIn(s, l.e)) return false
	return s.type === RTC
		? !l.fit.channel || opens(s, l.e.channel)
		: (s.type === RTM || s.type === 8) && (l.e.channel === null || !l.fit.hasChannels)
}

const endOf = (l, p) => (p.expire === 0 || l.p.version === 6 ? p.expire : l.p.issueTs + p.expire)
const isOver = (l, p) =>
	p !== undefined && l.out.expired !== true && endOf(l, p) !== 0 && l.e.now > endOf(l, p)
const tellEnd = (l, type, p) =>
	`: ${l.p.version === 6 && p.id === LOGIN_006 ? 'rtmLogin' : PRIVILEGE_NAMES[type][p.id]}, ${duration(l.e.now - endOf(l, p))} ago`

function isTruncated(l) {
	const c = l.copied
	let words

	if (!c.isCut || l.foreign.kind !== '')
		return l.p.error === 'truncated' && l.foreign.kind === ''
	words =
		c.front > 0
			? `: the first ${c.front} of its characters are missing`
			: `: it ends after ${c.length} characters`
	if (c.end > 0) words += `, and only = is missing${c.end === 2 ? ', twice' : ''}`
	if (c.missing === 0) return words
	return `${words}, and ${c.isExact ? '' : 'about '}${c.missing} ${c.missing === 1 ? 'is' : 'are'} missing`
}

const RTC_NAME = /^[A-Za-z0-9 !#$%&()+\-:;<=.>?@[\]^_{}|~,*]*$/
const RTM_NAME = /^(?!0$)[A-Za-z0-9 !#$%&()+\-:;<=.>?@[\]^_{}|~,]*$/
const ROOM_NAME = /^[A-Za-z0-9 !#$%&()+\-:;<=.>?@[\]^_{}|~,]*$/
const CHAT_NAME = /^(?!0$)[A-Za-z0-9_\-.]*$/

/* Agora refuses such a name without a word. */
function refusedName(kind, name, most, legal) {
	if (name === null || name === undefined) return false
	if (name.length > most) return `: the ${kind} has ${name.length} bytes`
	return !legal.test(name) && `: the ${kind} ${quoted(name)}`
}

const emptyName = (kind, name) => (name ?? '') === '' && `: the ${kind} is empty`

function refusedUser(type, user) {
	if (anyUser(type) || type === 0) return refusedName('account', user, 255, RTC_NAME)
	if (type === 5) return refusedName('Chat user', user, 64, CHAT_NAME)
	return refusedName(type === 7 ? 'user' : 'RTM user', user, 64, RTM_NAME)
}

/* What issuing refuses, too. */
function refusedNames(l, s) {
	if (s.type === RTC && l.fit.channel && !hasEntrance(l, s)) return false
	const places =
		refusedName('channel', s.channel, 64, RTC_NAME) ||
		refusedName('room', s.room, 64, ROOM_NAME)

	if (places) return places
	if (s.type === RTM || s.type === 8)
		return emptyName('RTM user', s.user) || refusedUser(s.type, s.user)
	/* An app's own tokens name nobody. */
	return (
		(s.type === 5 && find(s.privileges, 1) && emptyName('Chat user', s.user)) ||
		(s.type === 7 && find(s.privileges, 1) && emptyName('room', s.room)) ||
		(s.type === 7 && !find(s.privileges, 3) && emptyName('user', s.user)) ||
		(s.user !== null && refusedUser(s.type, s.user))
	)
}

/* The client's, and the token's own, which 006 does not hold. */
function hasBadName(l) {
	const clients =
		(anyUser(l.fit.type) || l.p.version === 6) &&
		(refusedName('channel', l.e.channel, 64, RTC_NAME) || refusedUser(l.fit.type, userOf(l.e)))

	if (clients) return clients
	for (const s of servicesOf(l)) {
		const its = refusedNames(l, s)

		if (its) return its
	}
	return false
}

/* They are not to be used, and some of Agora's parts take them. */
function hasCapitals(l) {
	const s = servicesOf(l).find(({ type, user }) => type === 5 && /[A-Z]/.test(user))

	return s !== undefined && `: ${quoted(s.user)}`
}

/* "undefined" and the like, in the token or at the client. */
function hasPlaceholder(l) {
	const names = [
		...servicesOf(l).flatMap((s) => [
			['channel', s.channel],
			['user', s.user],
		]),
		["client's channel", l.e.channel],
		["client's user", userOf(l.e)],
	]
	const found = names.find(([, name]) => name !== null && isPlaceholder(name))

	return found !== undefined && found[1].length <= 255 && `: the ${found[0]} ${quoted(found[1])}`
}

/* An argument too far: the channel or the user is the App ID. */
function namesAppId(l) {
	const { appId } = l.p
	const is = (name) => name !== null && lower(name) === lower(appId)

	if (appId === null || appId.length !== 32) return false
	for (const s of servicesOf(l))
		if (is(s.channel) || is(s.user)) return `: the ${is(s.channel) ? 'channel' : 'user'}`
	return false
}

/* Of the token, or of the privilege to get in. */
function livesShortly(l) {
	const entrances = servicesOf(l)
		.filter((s) => hasEntrance(l, s))
		.map((s) => find(s.privileges, 1)?.expire ?? 0)
		.filter((expire) => expire > 0)
	const least = Math.min(l.out.expire ?? Infinity, ...entrances)

	return l.out.expire !== undefined && least < 60 && `: ${least} ${least === 1 ? 'second' : 'seconds'}`
}

const entrance006 = (l) => (l.fit.type === RTM ? LOGIN_006 : 1)

function lacksEntrance(l) {
	if (
		l.p.version === 6 &&
		l.p.message !== null &&
		l.p.complete &&
		!find(l.p.privileges, entrance006(l))
	)
		return ': joinChannel'
	for (const s of servicesOf(l))
		if (hasEntrance(l, s) && !find(s.privileges, 1))
			return `: ${PRIVILEGE_NAMES[s.type][1]} for ${SERVICE_NAMES[s.type]}`
	return false
}

function entranceIsOver(l) {
	const old = l.p.version === 6 ? find(l.p.privileges ?? [], entrance006(l)) : undefined

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

/* The privileges of what lets the client join a channel; none: nothing does. */
function channelPrivileges(l) {
	const entrances = servicesOf(l).filter((s) => s.type === RTC && hasEntrance(l, s))

	if (!entrances.every((s) => find(s.privileges, 1))) return []
	return [1, 2, 3, 4].filter((id) => entrances.some((s) => find(s.privileges, id)))
}

const onlySubscribes = (l) => channelPrivileges(l).join() === '1'

/* One for RTM's channels has the data alone, and wants no more. */
function publishesInPart(l) {
	const found = channelPrivileges(l)
	const isForRtm =
		found.join() === '1,4' && servicesOf(l).some((s) => s.type === 2 || s.type === 8)

	if (found.length < 2 || found.length === 4 || isForRtm) return false
	return `: ${[2, 3, 4]
		.filter((id) => !found.includes(id))
		.map((id) => PRIVILEGE_NAMES[RTC][id])
		.join(' and ')}`
}

/* What opens the channel is not for joining it. */
function opensNoRtc(l) {
	return (
		l.e.channel !== null &&
		l.fit.channel &&
		l.fit.hasChannels &&
		l.p.complete &&
		l.p.version !== 6 &&
		!servicesOf(l).some((s) => s.type === RTC && opens(s, l.e.channel)) &&
		`: it is for ${SERVICE_NAMES[l.fit.type]}`
	)
}

/* What lets the client in may stand behind it. */
function hidesServices(l) {
	return (
		l.out.firstUnknownType !== undefined &&
		!(servicesOf(l).length > 0 && l.fit.channel && l.fit.user) &&
		`: type ${l.out.firstUnknownType}`
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
		!(l.copied.isCut && l.p.error === 'truncated') &&
		(l.namesMissing
			? l.fit.type === RTM
				? ': that of 006 for RTM can be checked only with the user'
				: ': that of 006 can be checked only with channel and uid'
			: ': there is no App Certificate to check it with')
	)
}

const is = (error) => (l) => l.p.error === error && l.foreign.kind === ''

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
		'not_ready',
		'there is no token yet, but what a program writes in its place',
		"wait for the server's answer (await it), and take its member token, rtcToken or " +
			'rtmToken: what is here is an empty variable, an answer that has yet to come, or ' +
			'all of an object',
		(l) => l.foreign.kind === 'not_ready',
	],
	[
		'jwt',
		'this is a JSON Web Token, not an Agora token',
		'give the client the token that this API issues: a JSON Web Token says who asks, ' +
			'and belongs in an Authorization header',
		(l) => l.foreign.kind === 'jwt',
	],
	[
		'certificate_exposed',
		'the App Certificate is where anybody can read it',
		'look at the order of arguments where tokens are made; the certificate is a secret, ' +
			"so have Agora's console make a new one and delete this one",
		() => false /* which it is only the server knows */,
	],
	[
		'app_id',
		'this is an App ID or an App Certificate, not a token',
		"give the client's SDK the App ID and the token in their own places; an App " +
			'Certificate never leaves the server',
		(l) =>
			l.foreign.kind === 'hex32' &&
			(l.e.appId !== null && lower(l.copied.text) === lower(l.e.appId)
				? ': it is the App ID of the project'
				: true),
	],
	[
		'embedded',
		'the token is inside of something else: a JSON answer, a URL, a header line',
		'give the client the token alone: parse the answer or the URL, and take the member ' +
			'or the parameter that has it',
		(l) => l.copied.isInside,
	],
	[
		'quoted',
		'there are quotes around the token, or a backslash, a comma or a semicolon',
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
			"App ID, a certificate, a JSON Web Token, the server's whole answer or a URL",
		is('bad_version'),
	],
	[
		'not_accesstoken2',
		'the code that made the token does not follow AccessToken2',
		"make tokens with a current library of Agora's (AccessToken2, RtcTokenBuilder2) or " +
			'with this service: base64 of a zlib stream follows 007',
		(l) => l.foreign.kind === 'built' && `: it looks like ${l.foreign.looks}`,
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
		(l) => l.copied.isFollowed || is('trailing_data')(l),
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
		is('unsupported_version'),
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
		'issue an RTC token to join a channel (tokenType rtc), and use this one for what it ' +
			'is for, such as to log in to RTM',
		(l) =>
			l.e.channel !== null &&
			l.fit.type !== 0 &&
			!l.fit.hasChannels &&
			l.p.complete &&
			`: it is for ${SERVICE_NAMES[l.fit.type]}`,
	],
	[
		'channel_mismatch',
		'the token is for another channel',
		'use one name in both places, byte for byte: upper and lower case and blanks ' + 'count',
		(l) => !l.fit.channel && l.fit.hasChannels && apart(l.fit.itsChannel, 'joins', l.e.channel),
	],
	[
		'account_zero',
		'the token is for an account of the name 0, which is a user like any other and not the uid 0',
		'give an empty string where any user may use it, or the uid that the client joins ' +
			"with: PHP's library writes the number 0 as this account",
		isForAccountZero,
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
			!isForAccountZero(l) &&
			!joinsWithZero(l) &&
			!kindsDiffer(l) &&
			apart(l.fit.itsUser, 'joins with', userOf(l.e)),
	],
	[
		'bad_name',
		'Agora refuses such a name, even where the token is for it',
		'use 1 to 64 bytes for a channel, a room, an RTM or a Chat user, and at most 255 for ' +
			'an account: letters a to z and A to Z, digits, the blank and ' +
			'!#$%&()+-:;<=.>?@[]^_{}|~, alone; for a Chat user a to z, digits, _ - and . alone',
		hasBadName,
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
		'unknown_service',
		'the token has a service of a type that is not known here, and what follows it ' +
			'cannot be read',
		'inspect it with a newer version of this program, if there is one; what the client ' +
			'uses may be in the part that was not read',
		hidesServices,
	],
	[
		'not_verified',
		'the signature was not checked',
		'inspect it where APP_ID and APP_CERTIFICATE are those of its project; for a ' +
			'token of version 006 also give the channel and the uid that it is for',
		isNotVerified,
	],
	[
		'long_lifetime',
		'the token says that it lives for more than 24 hours, and Agora ends it 24 hours ' +
			'after its issue',
		'give expire as a lifetime in seconds, 86400 at most, not as a Unix time, and ' +
			'have the client renew the token (renewToken)',
		(l) => l.out.expire > EXPIRE_MAX && `: it says ${l.out.expire} seconds`,
	],
	[
		'short_lifetime',
		'the token, or its privilege to get in, lives for less than a minute, and SDKs warn ' +
			'30 seconds before the end',
		'issue it for an hour or so, and have the client renew it (renewToken)',
		livesShortly,
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
		'publish_partly',
		'the token may publish some things, and lacks the privilege for others',
		'issue it with role publisher, or name what is missing in privileges (audio, video, ' +
			"data). Where co-host authentication is switched on for the project in Agora's " +
			'console, Agora lets nobody publish what is missing; where it is not, Agora does ' +
			'not look at these privileges',
		publishesInPart,
	],
	[
		'no_rtc',
		'the token opens the channel, and not for the RTC SDK',
		'issue an RTC token (tokenType rtc) where the client joins with the RTC SDK; for ' +
			'what this one is for it is right',
		opensNoRtc,
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
			l.out.expire === EXPIRE_MAX &&
			l.p.services.length === 1 &&
			l.fit.type === RTC &&
			l.fit.itsUser === '' &&
			/^[^*]+$/.test(l.fit.itsChannel),
	],
	[
		'account_named_zero',
		'the token is for an account of the name 0, which is a user like any other and not the uid 0',
		"give an empty string or the number 0 where any user may use it: PHP's library and " +
			'userAccount/0 write this account',
		(l) =>
			userOf(l.e) === null && servicesOf(l).some((s) => anyUser(s.type) && s.user === '0'),
	],
	[
		'placeholder_name',
		'a name looks like a variable that had no value, or was not filled in',
		'look at where the client and the server take the name from, and use one that is real',
		hasPlaceholder,
	],
	[
		'app_id_inside',
		'the token has the App ID in place of a name',
		'look at the order of the arguments where it is issued',
		namesAppId,
	],
	[
		'chat_capitals',
		'the Chat user has capital letters, which are not to be used',
		'use small letters for Chat users: this service issues no token for others',
		hasCapitals,
	],
	[
		'secondary_certificate',
		'the secondary App Certificate verified the signature',
		'set APP_CERTIFICATE where it is issued to the primary one, before the secondary one ' +
			'is disabled',
		() => false /* it is checked on the server alone */,
	],
	[
		'version_006',
		'the token is of version 006, which came before 007',
		"nothing, if it works: Agora's documents say that both versions are taken, and " +
			'support asks for 007 when one is refused. Make new ones with AccessToken2, ' +
			'RtcTokenBuilder2 or this service. Video SDKs before 3.5.2 and Signaling SDKs ' +
			'before 1.5.0 know 006 alone',
		(l) => l.p.version === 6 && l.foreign.kind === '',
	],
]
const HINTS = new Set([
	'long_lifetime',
	'issued_in_future',
	'publish_over',
	'subscriber_only',
	'publish_partly',
	'no_rtc',
	'uid_or_account',
	'console_token',
	'short_lifetime',
	'account_named_zero',
	'placeholder_name',
	'app_id_inside',
	'chat_capitals',
	'secondary_certificate',
	'version_006',
])
/* What could not be looked at. */
const UNSEEN = new Set(['unknown_service', 'not_verified'])
/* What a token is refused for. */
const isReason = (code) => !HINTS.has(code) && !UNSEEN.has(code)

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
				expireAt: p.issueTs + Math.min(p.expire, EXPIRE_MAX),
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
	const copied = nothingCopied()
	const p = await parseCopied(utf8(text), { channel: e.channel, user: userOf(e) }, copied)
	const out = describe(p)
	const fit = fitOf(p, e)
	const look = {
		e,
		p,
		out,
		copied,
		foreign: await foreignLook(p.error === 'bad_version' ? copied.text : copied.token, p.error),
		fit,
		namesMissing:
			p.version === 6 &&
			(fit.type === RTM
				? userOf(e) === null
				: e.channel === null || (userOf(e) === null && p.userCrc !== 0)),
	}
	const readable = p.services !== null || p.message !== null

	out.signatureValid = null
	if (out.expireAt !== undefined) out.expired = now > out.expireAt
	out.compared = [
		e.appId !== null && p.appId !== null && 'appId',
		e.channel !== null && readable && 'channel',
		readable && (e.account !== null ? 'account' : e.uid !== null && 'uid'),
	].filter(Boolean)
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

/* The page: what all its parts are made of */

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

/* A status that is set again is read out again, so only what is new is set. */
function say(id, text) {
	if ($(id).textContent !== text) $(id).textContent = text
}

const nameText = (text) => el('span', { class: 'name' }, text)
const note = (...text) => el('p', { class: 'note' }, text)
const badge = (kind, ...text) => el('li', { class: `badge ${kind}` }, text)
const badges = (...list) => el('ul', { class: 'badges' }, list)
const cell = (...content) => el('td', null, content)
const rowHead = (...content) => el('th', { scope: 'row' }, content)
const smallButton = (label, click, more) =>
	el('button', { type: 'button', class: 'small', click, ...more }, label)

/* Each row is a list of cells. */
function table(kind, heads, rows) {
	return el(
		'div',
		{ class: 'scroll' },
		el(
			'table',
			{ class: kind },
			el(
				'thead',
				null,
				el(
					'tr',
					null,
					heads.map((head) => el('th', { scope: 'col' }, head)),
				),
			),
			el(
				'tbody',
				null,
				rows.map((cells) => el('tr', null, cells)),
			),
		),
	)
}

/* [name, value]; what has no value is left out. */
function definitions(rows) {
	return el(
		'dl',
		null,
		rows
			.filter(([, value]) => value !== undefined && value !== null)
			.map(([name, value]) => [el('dt', null, name), el('dd', null, value)]),
	)
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
	].filter(([n]) => n > 0)

	return parts.map(([n, unit]) => `${n} ${unit}`).join(' ') || '0 s'
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
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(text)
			said.textContent = 'Copied'
		} catch {
			said.textContent = 'The browser does not let this page copy: mark the text instead'
		}
	}

	return [smallButton('Copy', copy, { 'aria-label': `Copy ${what}` }), said]
}

const command = (title, text) => [
	el('h4', null, title),
	el('pre', { tabindex: 0, 'aria-label': title }, text),
	el('div', { class: 'row' }, copyButton(text, title)),
]

/* A form that cannot be sent as it stands has no commands. */
function showCommands(id, make) {
	try {
		$(id).replaceChildren(...make().flat())
	} catch (error) {
		if (!(error instanceof Refusal)) throw error
		$(id).replaceChildren()
	}
}

/* Asking the service */

let credential = ''
let known = false /* the web server is shown who asks: a certificate, basic auth, or a cookie */

/* .json is what the service said, with .status; .field names what is wrong in the form. */
class Refusal extends Error {
	constructor(message, more) {
		super(message)
		Object.assign(this, more)
	}
}

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
			credentials: known ? 'same-origin' : 'omit',
			redirect: 'manual',
			body: body === undefined ? undefined : JSON.stringify(body),
		})
		json = await answer.json()
	} catch {
		throw new Refusal(
			answer === undefined
				? 'The service cannot be reached.'
				: answer.type === 'opaqueredirect'
					? 'The web server leads elsewhere, perhaps to its login: load this page again, log in there, and come back.'
					: `The answer, ${answer.status}, is not the service's.`,
		)
	}
	if (!answer.ok)
		throw new Refusal(json.error ?? 'It was refused.', {
			json,
			status: answer.status,
			field: json.field?.split(/[.[]/)[0],
		})
	return json
}

/* On a phone what is said may be below the screen, or above it. */
function reveal(node) {
	const { top, bottom, height } = node.getBoundingClientRect()
	const fits = height < innerHeight

	if (top < 0 || (fits ? bottom : top + innerHeight / 2) > innerHeight)
		node.scrollIntoView({ block: fits ? 'nearest' : 'start' })
}

const homes = new Map() /* of what is said of a form: where it stands when it is of no field */

/* What is said of a field stands below that field. */
function placeError(id, wrong) {
	const node = $(id)

	if (!homes.has(id)) homes.set(id, node.previousElementSibling)
	const place = wrong?.closest('p, fieldset') ?? homes.get(id)

	if (node.previousElementSibling !== place) place.after(node)
}

function showError(id, error, wrong) {
	if (!(error instanceof Refusal)) throw error
	placeError(id, wrong)
	const { message, json, status } = error
	const details = [status, json?.code, json?.dimension && `dimension ${json.dimension}`]
	/* Of a job that may be running: without its ids nobody could stop it. */
	const known = Object.entries(json?.known ?? {}).map(([name, value]) => `${name} ${value}`)

	$(id).textContent =
		json === undefined
			? message
			: `${message} (${details.filter(Boolean).join(', ')}; request ${json.requestId})` +
				(known.length > 0 ? ` What is known of it: ${known.join(', ')}.` : '')
}

const buttonOf = (form) => form.querySelector('button.primary') ?? form /* itself the button */
const isBusy = (form) => buttonOf(form).ariaDisabled === 'true'

/* While it is busy it cannot be asked again; its button keeps the focus. */
async function busy(form, errorId, work) {
	if (isBusy(form)) return
	buttonOf(form).ariaDisabled = 'true'
	$(errorId).textContent = ''
	for (const marked of form.querySelectorAll('[aria-invalid]'))
		marked.removeAttribute('aria-invalid')
	try {
		await work()
	} catch (error) {
		const named = form.elements?.namedItem(error.field ?? '')
		const wrong = named instanceof HTMLElement ? named : undefined

		showError(errorId, error, wrong)
		wrong?.setAttribute('aria-invalid', 'true')
		wrong?.focus()
		reveal($(errorId))
	} finally {
		buttonOf(form).ariaDisabled = null
	}
}

function fromJson(name, text) {
	try {
		return JSON.parse(text)
	} catch {
		throw new Refusal(`${name}: must be JSON`, { field: name })
	}
}

const quote = (text) =>
	/^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/*
 * Of what the browser shows the web server nothing is known here: it is $LOGIN.  Nor is a secret
 * shown that was typed unseen.
 */
function curlOf(method, path, body) {
	const parts = ['curl']

	if (method !== (body === undefined ? 'GET' : 'POST')) parts.push('-X', method)
	if (credential !== '') parts.push('-H', '"Authorization: Bearer $KEY"')
	if (known) parts.push('$LOGIN')
	if (body !== undefined) {
		const shown = body.streamKey === undefined ? body : { ...body, streamKey: '\0' }

		parts.push('-d', quote(JSON.stringify(shown)).replace('\\u0000', `'"$STREAM_KEY"'`))
	}
	return [...parts, quote(api(path).href)].join(' ')
}

/* Who asks, and whom he asks */

const MODE_WORDS = {
	open: 'OPEN: whoever reaches the service gets any token',
	log: 'the policy is only recorded, not enforced',
	on: 'a policy says who may do what',
}
let me = null
let service = null /* GET /status, where it may be seen */

function whoText({ mode, caller, type, subject, grants }) {
	if (mode === 'open') return `${MODE_WORDS.open}.`
	if (caller === undefined)
		return `Sign in with what the API takes${mode === 'log' ? `; ${MODE_WORDS.log}` : ''}.`
	return (
		`${caller}${type ? ` (${type})` : ''}${subject ? `, subject ${subject}` : ''}; grants: ` +
		`${grants?.map((g) => g.name).join(', ') || 'none'}` +
		`${mode === 'log' ? `; ${MODE_WORDS.log}` : ''}`
	)
}

function showMe(answer) {
	me = answer
	say('who', whoText(me))
	$('who').classList.toggle('bad', me.mode === 'open')
	$('project-field').hidden = !me.grants?.some((g) => g.project !== undefined)
	if (
		['open', 'log'].includes(me.mode) ||
		me.grants?.some((g) => g.actions.some((a) => ['*', 'status.*', 'status.read'].includes(a)))
	)
		learnStatus()
}

function showNobody(error) {
	me = null
	showError('who', error)
	$('who').classList.add('bad')
}

/* A token's App ID can then be compared with this server's. */
async function learnStatus() {
	try {
		service = await ask('GET', '/status')
		showService()
		await inspectHere()
	} catch (error) {
		if (!(error instanceof Refusal)) throw error
	}
}

/* Not being ready is an answer, too. */
async function readiness() {
	try {
		return await ask('GET', '/readyz?verbose')
	} catch (error) {
		if (error.json?.checks === undefined) throw error
		return error.json
	}
}

/*
 * Without credentials only the mode can be asked for; not even that where the web server lets
 * nobody in without them.
 */
async function learnMode() {
	try {
		showMe({ mode: (await readiness()).mode })
	} catch (error) {
		if (error.status === 401) showMe({})
		else showNobody(error)
	}
	showIssue()
}

/* The button that was pressed goes with them; the focus stays near. */
function closeDetails() {
	$('by-web-server').open = false
	$('by-web-server').firstElementChild.focus()
}

let signing = 0

async function signIn() {
	const mine = ++signing

	service = null
	/* What was made for somebody else is not this caller's. */
	forgetToken()
	forgetAnswer()
	try {
		const answer = await ask('GET', '/me')

		if (mine !== signing) return /* another has signed in since */
		showMe(answer)
		if (known) closeDetails()
	} catch (error) {
		if (mine !== signing) return
		showNobody(error)
	}
	showIssue()
	showService()
	if (!$('status').hidden) lookAtStatus()
}

function signInByCredential(event) {
	event.preventDefault()
	credential = $('credential').value.trim()
	known = false
	signIn()
}

function signInByWebServer() {
	$('credential').value = credential = ''
	known = true
	signIn()
}

/* Tabs */

const tabs = [...document.querySelectorAll('[role=tab]')]

const tabOfAddress = () =>
	tabs.find((tab) => `#${tab.getAttribute('aria-controls')}` === location.hash) ?? tabs[0]

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
	const letters = [...name]
	const bad = letters.findIndex((c) => !LEGAL.test(c))

	if (bad < 0) return []
	const before = utf8(letters.slice(0, bad).join('')).length
	const byte = utf8(name)[before]
	const hex = `0x${toHex(byte)}`
	const shown = byte > ' ' && byte < '\x7f' ? `'${byte}' (${hex})` : hex

	return [
		...letters.map((c) => (LEGAL.test(c) ? c : el('mark', null, c))),
		` \u2013 byte ${before + 1} is ${shown}, which Agora does not allow in a channel or account name`,
	]
}

function numberOr(text) {
	return /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : text
}

/* The body of POST /getToken; what is hidden is left out. */
function issueBody() {
	const f = issueForm.elements
	const body = { tokenType: f.tokenType.value }
	const byNumber = WITH_CHANNEL.includes(f.tokenType.value) && f.uidKind.value === 'number'

	for (const [name, input, read] of [
		['channel', f.channel],
		['uid', f.uid, byNumber ? numberOr : undefined],
		['role', f.role],
		['role', f.roomRole, numberOr],
		['room', f.room],
		['rtmUid', f.rtmUid],
		['project', f.project],
		['expire', f.expire, numberOr],
		['permissions', f.permissions, (text) => fromJson('permissions', text)],
	])
		if ((input[0] ?? input).closest('#issue-form [hidden]') === null && input.value !== '')
			body[name] = read === undefined ? input.value : read(input.value)
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
	const members = Object.entries(body)

	if (members.every(([name, value]) => name in options && !String(value).startsWith('-')))
		return [
			'agora-token issue --env-file .env',
			...members.map(([name, value]) => `${options[name]} ${quote(String(value))}`),
		].join(' ')
	return `echo ${quote(JSON.stringify(body))} | agora-token issue --env-file .env --json -`
}

/* [kind, words]; a bad one is not sent. */
function uidNote() {
	const { tokenType, uidKind, uid } = issueForm.elements

	if (['chat', 'apaas'].includes(tokenType.value))
		return ['', 'Empty: a token of the app itself.']
	if (!WITH_CHANNEL.includes(tokenType.value)) return ['', '']
	if (uidKind.value === 'number')
		return uid.value === '' || uid.value === '0' || isNumber(uid.value)
			? ['', '0 is any user. Must be what the client joins with.']
			: ['bad', 'must be a whole number, 0 to 4294967295']
	if (isNumber(uid.value))
		return [
			'warn',
			`${PROBLEMS.find(([code]) => code === 'uid_or_account')[1]} ${uid.value}: ` +
				'all users of a channel must be of one kind',
		]
	return ['', '* is any user. Must be what the client joins with (joinChannelWithUserAccount).']
}

function showIssue() {
	const f = issueForm.elements
	const count = utf8(f.channel.value).length
	const ttl = Math.max(0, ...(me?.grants ?? []).map((g) => g.ttl ?? 0))
	const seconds = Number(f.expire.value)
	const [kind, words] = uidNote()

	for (const part of issueForm.querySelectorAll('[data-kinds]'))
		part.hidden = !part.dataset.kinds.split(' ').includes(f.tokenType.value)
	$('channel-count').textContent = `${count}/64 bytes`
	$('channel-count').classList.toggle('over', count > 64)
	$('channel-marks').replaceChildren(...marks(f.channel.value))
	say('uid-note', words)
	$('uid-note').className = `note ${kind}`
	say(
		'expire-note',
		(seconds > 0 ? `${span(seconds)}. ` : 'The default. ') +
			(ttl > 0
				? `Your grants allow at most ${span(ttl)}; what is longer is cut.`
				: "Agora's maximum is 24 hours."),
	)
	showCommands('issue-commands', () => {
		const body = issueBody()

		return [
			command('curl', curlOf('POST', '/getToken', body)),
			/* It has the settings' own project alone. */
			body.project === undefined ? command('agora-token', commandLine(body)) : [],
		]
	})
}

function grantText({ grant }) {
	if (grant !== undefined) return `allowed by the grant ${grant}`
	switch (me?.mode) {
		case 'open':
			return 'no grant was asked for: the service is open'
		case 'log':
			return 'the policy is not enforced'
		default:
			return 'whether a grant was asked for is not known: the service cannot be reached'
	}
}

/* A token of one form is not taken for one of another. */
function forgetToken() {
	$('issue-result').hidden = true
	$('issue-result').replaceChildren()
	say('issue-said', '')
}

const kindText = (type) =>
	[...issueForm.elements.tokenType.options].find(({ value }) => value === type).text

/* What it was made for, as it was asked and as it was answered. */
function madeFor(body, json) {
	const user = json.uid ?? body.uid

	return definitions([
		['Kind', kindText(body.tokenType)],
		['Channel', body.channel && nameText(body.channel)],
		['Room', body.room && nameText(body.room)],
		[
			'User',
			user === undefined
				? undefined
				: [
						user === 0 || user === '*' ? 'any' : nameText(String(user)),
						json.uid !== undefined && ', whom the policy chose',
					],
		],
		['Role', body.role?.toString()],
		['RTM user', body.rtmUid && nameText(body.rtmUid)],
		['Permissions', body.permissions && nameText(JSON.stringify(body.permissions))],
		['Project', body.project && nameText(body.project)],
		['Good until', utc(json.expiresAt)],
	])
}

function showToken(json, body) {
	projectOf.set(json.token, body.project)
	const left = badge('')

	everySecond(left, () => {
		const seconds = json.expiresAt - clock()

		left.className = `badge ${seconds > 0 ? 'good' : 'bad'}`
		left.textContent = seconds > 0 ? `${span(seconds)} left` : 'expired'
	})
	$('issue-result').replaceChildren(
		el('h3', null, 'The token'),
		badges(
			left,
			badge(me === null || me.mode === 'open' ? 'bad' : '', grantText(json)),
			json.clamped && badge('warn', `cut to what is allowed: ${json.clamped.join(', ')}`),
		),
		madeFor(body, json),
		el('pre', { class: 'token', tabindex: 0, 'aria-label': 'Token' }, json.token),
		el(
			'div',
			{ class: 'row' },
			copyButton(json.token, 'the token'),
			smallButton('Inspect it', () => inspectThis(json.token)),
		),
	)
	$('issue-result').hidden = false
	say('issue-said', `Issued: a token that is good until ${utc(json.expiresAt)}.`)
	reveal($('issue-result'))
}

function issue(event) {
	event.preventDefault()
	return busy(issueForm, 'issue-error', async () => {
		const [kind, words] = uidNote()

		forgetToken()
		if (kind === 'bad') throw new Refusal(`uid: ${words}`, { field: 'uid' })
		const body = issueBody()
		const asked = JSON.stringify([body, credential, known])
		const json = await ask('POST', '/getToken', body)

		/* The service was away when the page began, or did not know who signed in. */
		if (me === null) await learnMode()
		if (JSON.stringify([issueBody(), credential, known]) !== asked)
			throw new Refusal(
				'The form, or who is signed in, has changed since this token was asked for: issue it again.',
			)
		showToken(json, body)
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
	const node = cell()

	return everySecond(node, () => {
		const left = end - clock()

		node.textContent = left >= 0 ? `${span(left)} left` : `ended ${span(-left)} ago`
		node.className = left >= 0 ? '' : 'bad'
	})
}

/* [what ends, when, more words of it]: each with its bar, from the issue to the token's end. */
function timeTable(head, rows, start, expireAt) {
	const from = start ?? Math.min(clock(), ...rows.map(([, end]) => end))

	return table(
		'times',
		[head, 'Until', 'Left', 'Time'],
		rows.map(([what, end, more]) => [
			rowHead(what),
			cell(utc(end), more),
			remaining(end),
			cell(bar(from, end, expireAt)),
		]),
	)
}

/* Those of 007 end some time after its issue, those of 006 at a time; 0 is the token's own end. */
function privilegeTable(list, { issueTs, expireAt }) {
	const rows = list.map((p) => {
		const own = p.expireAt ?? (p.expire === 0 ? 0 : issueTs + p.expire)
		const what = nameText(p.name ?? `number ${p.id}`)

		return own === 0
			? [what, expireAt, ', as long as the token']
			: [what, Math.min(own, expireAt)]
	})

	return timeTable('Privilege', rows, issueTs, expireAt)
}

const nameOr = (value, hex, empty) =>
	value === undefined
		? undefined
		: value === null
			? `${hex} (hexadecimal: it is not UTF-8)`
			: value === ''
				? empty
				: nameText(JSON.stringify(value).slice(1, -1))

function permissionText({ permission, resource, resources }) {
	const what = RESOURCES[resource] ?? `resource ${resource}`
	const which = resources.map((n) =>
		n === null ? 'a name that is not UTF-8' : JSON.stringify(n),
	)

	return (
		`${['read', 'write'][permission] ?? `permission ${permission}`} ${what}` +
		`${which.length > 0 ? `: ${which.join(', ')}` : ''}`
	)
}

const serviceCard = (title, ...content) =>
	el('div', { class: 'service' }, el('h4', null, title), content)

function describedService(s, result) {
	const name = (member, empty) => nameOr(s[member], s[`${member}Hex`], empty)

	return serviceCard(
		s.name,
		definitions([
			['channel', name('channelName', 'any (empty)')],
			['uid', name('uid', 'any')],
			['user', name('userId', 'none')],
			['account', name('account', 'any')],
			['room', name('roomUuid', 'none')],
			['user', name('userUuid', 'none')],
			['role', s.role === undefined ? undefined : String(s.role)],
			...(s.permissions ?? []).map((p) => ['may', permissionText(p)]),
		]),
		s.privileges.length > 0
			? privilegeTable(s.privileges, result)
			: note('It has no privileges.'),
	)
}

function appBadge({ appId }, client) {
	const projects = service?.projects ?? []

	if (appId === undefined) return null
	if (client.appId === appId) return badge('good', "App ID is the client's")
	if (client.appId === undefined && projects.some((p) => p.appId === appId))
		return badge('good', "App ID is this server's")
	return client.appId === undefined && projects.length === 0
		? badge('', 'App ID not compared')
		: badge('bad', 'another App ID')
}

function signatureBadge({ signatureValid: good }) {
	if (good === null) return badge('', 'signature not checked')
	return good ? badge('good', 'signature good') : badge('bad', 'signature wrong')
}

function badgesOf(result, client, from) {
	const { version, expired } = result

	return badges(
		version === undefined && badge('bad', 'not an Agora token'),
		version === '006' && badge('warn', 'version 006, legacy'),
		version === '007' && badge('', 'version 007'),
		appBadge(result, client),
		expired !== undefined &&
			badge(expired ? 'bad' : 'good', expired ? 'expired' : 'not expired'),
		version !== undefined && signatureBadge(result),
		badge('', from === 'server' ? 'verified on the server' : 'decoded in this browser'),
	)
}

function problemList(problems) {
	return el(
		'ul',
		{ class: 'problems', 'aria-label': 'Problems' },
		problems.map(({ code, problem, fix }) =>
			el(
				'li',
				{ class: isReason(code) ? '' : 'hint' },
				el('p', { class: 'words' }, problem),
				el('p', null, `Fix: ${fix}`),
				el('code', null, code),
				HINTS.has(code) &&
					el('span', { class: 'pair' }, 'a hint: no token is refused for it'),
			),
		),
	)
}

/* [kind, words] */
function verdictOf({ valid, problems }, from) {
	const refused = problems.filter(({ code }) => isReason(code)).length
	const hints = problems.filter(({ code }) => HINTS.has(code)).length
	const rest = hints === 0 ? '' : hints === 1 ? ' One hint.' : ` ${hints} hints.`

	if (valid)
		return ['good', `Valid: nothing that it is refused for, and the signature is good.${rest}`]
	if (refused > 0)
		return [
			'bad',
			`Not valid: ${refused === 1 ? 'one problem' : `${refused} problems`} that it is refused for.${rest}`,
		]
	if (problems.some(({ code }) => code === 'unknown_service'))
		return ['warn', `Not known: a part of it could not be read.${rest}`]
	return [
		hints > 0 ? 'warn' : 'good',
		from === 'server'
			? `Nothing was found that it is refused for, but the signature was not checked.${rest}`
			: `Nothing was found that it is refused for. Its signature can only be verified on the server.${rest}`,
	]
}

function showInspection(result, client, from) {
	const { appId, issueTs, expire, expireAt, certificate, firstUnknownType } = result
	const [kind, words] = verdictOf(result, from)
	const services = (result.services ?? []).map((s) => describedService(s, result))

	if (result.version === '006' && result.privileges !== undefined)
		services.push(
			serviceCard('RTC or RTM, by its privileges', privilegeTable(result.privileges, result)),
		)
	$('inspect-verdict').className = `verdict ${kind}`
	say('inspect-verdict', words)
	$('inspect-result').replaceChildren(
		badgesOf(result, client, from),
		problemList(result.problems),
		definitions([
			['App ID', nameOr(appId, '', 'none')],
			['issued', issueTs === undefined ? undefined : utc(issueTs)],
			['expires', expireAt === undefined ? undefined : utc(expireAt)],
			['lifetime', expire === undefined ? undefined : span(expire)],
			['verified by', certificate && `the ${certificate} certificate`],
			[
				'not read',
				firstUnknownType &&
					`a service of the unknown type ${firstUnknownType}, and what follows it`,
			],
		]),
		expireAt === undefined
			? ''
			: timeTable('What', [['the whole token', expireAt]], issueTs, expireAt),
		services.length > 0 ? el('h3', null, 'Services') : '',
		...services,
	)
}

let inspecting = 0

/* Which project the service shall look at a token for, where it is known and not its own. */
const projectOf = new Map()

async function projectFor(token) {
	const { appId } = await inspect(token)
	const its = service?.projects?.find((p) => p.appId === appId)?.name

	return projectOf.get(token) ?? (its === 'default' ? undefined : its)
}

async function inspectHere() {
	const text = $('token').value
	const client = clientOf()
	const mine = ++inspecting

	$('inspect-error').textContent = ''
	if (text === '') {
		say('inspect-verdict', '')
		$('inspect-result').replaceChildren()
		return
	}
	const result = await inspect(text, client)

	/* A later one has begun since. */
	if (mine === inspecting) showInspection(result, client, 'browser')
}

async function inspectThis(token) {
	$('token').value = token
	choose($('tab-inspect'), true)
	await inspectHere()
	reveal($('inspect-verdict'))
}

function inspectThere(event) {
	event.preventDefault()
	return busy(inspectForm, 'inspect-error', async () => {
		const client = clientOf()
		const mine = ++inspecting
		const token = $('token').value
		const project = await projectFor(token)
		const result = await ask('POST', '/token/inspect', { token, ...client, project })

		if (mine !== inspecting) return
		showInspection(result, client, 'server')
		reveal($('inspect-verdict'))
	})
}

function clearInspection() {
	inspectForm.reset()
	inspectHere()
	$('token').focus()
}

/* Services */

const call = (label, method, path, fields) => ({ label, method, path, fields })
const field = (name, label, more) => ({ name, label, ...more })
const REQUIRED = { required: true }
const IN_PATH = { required: true, inPath: true }
const NUMBER = { kind: 'number' }
const LIST = { kind: 'list' }
const MODE = { choices: ['mix', 'individual', 'raw', 'web'] }
const REGION = field('region', 'Region', { choices: ['na', 'eu', 'ap', 'cn'], ...REQUIRED })
const RECORDER = [field('cname', 'Channel', REQUIRED), field('uid', "The recorder's uid", REQUIRED)]
const RECORDING = [
	field('resourceId', 'resourceId', REQUIRED),
	field('sid', 'sid', REQUIRED),
	field('recordingMode', 'Mode', MODE),
]
const STREAM_KEY = field('streamKey', 'Its stream key', { kind: 'secret' })
const IDLE = field('idleTimeOut', 'Idle time, seconds', {
	...NUMBER,
	note: '5 to 600; it ends after so long without a stream',
})
/* What is Agora's own object is given as JSON. */
const agoras = (name, more) => field(name, name, { kind: 'json', ...more })
const OPTIONS = [agoras('audioOptions'), agoras('videoOptions')]
const itsChannel = (name) =>
	field(name, 'Its channel', { note: 'for callers who may use some channels only' })

/*
 * What can be done, by which request, with which fields.  `ids` finds what the other actions need
 * in the answer of a start and in what was sent; `shown` are those that people want to see, the
 * first one the job's own.
 */
const SERVICES = {
	recording: {
		label: 'Cloud recording',
		shown: ['sid', 'resourceId', 'uid'],
		ids: (answer, sent) => ({
			cname: answer.cname,
			uid: answer.uid,
			resourceId: answer.resourceId,
			sid: answer.sid,
			recordingMode: sent.recordingMode,
			mode: sent.recordingMode,
		}),
		actions: {
			start: call('Start', 'POST', '/cloud_recording/start', [
				field('channelName', 'Channel to record', REQUIRED),
				field('recordingMode', 'Mode', MODE),
				field('uid', "The recorder's own uid", { note: 'empty: one by chance' }),
				agoras('recordingConfig'),
				agoras('recordingFileConfig'),
				agoras('extensionServiceConfig', { note: 'mode web needs it' }),
				field('wait', 'Wait for it, seconds', {
					...NUMBER,
					note: '0 to 20; the answer comes when it records',
				}),
			]),
			query: call('Query', 'GET', '/cloud_recording/status', [
				...RECORDING.slice(0, 2),
				field('mode', 'Mode', MODE),
				itsChannel('cname'),
			]),
			update: call(
				'Update whom it records',
				'POST',
				'/cloud_recording/update/subscriber-list',
				[...RECORDER, ...RECORDING, agoras('recordingConfig', REQUIRED)],
			),
			layout: call('Update its layout', 'POST', '/cloud_recording/update/layout', [
				...RECORDER,
				...RECORDING,
				agoras('recordingConfig', REQUIRED),
			]),
			stop: call('Stop', 'POST', '/cloud_recording/stop', [...RECORDER, ...RECORDING]),
		},
	},
	rtt: {
		label: 'Transcription',
		shown: ['taskId'],
		ids: (answer, sent) => ({ taskId: answer.start?.taskId, channelName: sent.channelName }),
		actions: {
			start: call('Start', 'POST', '/rtt/start', [
				field('channelName', 'Channel to transcribe', REQUIRED),
				field('languages', 'Languages', {
					...LIST,
					...REQUIRED,
					note: 'such as en-US, with commas',
				}),
				field('subscribeAudioUids', 'uids to listen to', {
					...LIST,
					note: 'with commas; empty: all',
				}),
				field('maxIdleTime', 'Idle time, seconds', {
					...NUMBER,
					note: 'it ends after so long without speakers',
				}),
				agoras('translateConfig'),
				field('enableStorage', 'Keep captions in the storage', { kind: 'yes' }),
			]),
			query: call('Query', 'GET', '/rtt/status/:taskId', [
				field('taskId', 'Task', IN_PATH),
				itsChannel('channelName'),
			]),
			update: call('Update', 'POST', '/rtt/update/:taskId', [
				field('taskId', 'Task', IN_PATH),
				itsChannel('channelName'),
				field('languages', 'Languages', { ...LIST, note: 'with commas' }),
				agoras('rtcConfig'),
				agoras('translateConfig'),
			]),
			stop: call('Stop', 'DELETE', '/rtt/stop/:taskId', [
				field('taskId', 'Task', IN_PATH),
				itsChannel('channelName'),
			]),
		},
	},
	push: {
		label: 'Media push',
		shown: ['converterId', 'region'],
		ids: (answer, sent) => ({
			converterId: answer.converter?.id,
			region: sent.region,
			rtcChannel: sent.rtcChannel,
		}),
		actions: {
			start: call('Start', 'POST', '/rtmp/push/start', [
				field('rtcChannel', 'Channel to send', REQUIRED),
				field('streamUrl', "The RTMP server's URL", REQUIRED),
				STREAM_KEY,
				REGION,
				field('rtcStreamUid', 'Whose stream', { note: 'without transcoding' }),
				field('useTranscoding', 'Mixed, with audioOptions and videoOptions', {
					kind: 'yes',
				}),
				...OPTIONS,
				IDLE,
			]),
			query: call('Query', 'GET', '/rtmp/push/status/:converterId', [
				field('converterId', 'Converter', IN_PATH),
				REGION,
				itsChannel('rtcChannel'),
			]),
			update: call('Update', 'POST', '/rtmp/push/update', [
				field('converterId', 'Converter', REQUIRED),
				REGION,
				itsChannel('rtcChannel'),
				field('streamUrl', 'Another server'),
				STREAM_KEY,
				...OPTIONS,
			]),
			stop: call('Stop', 'POST', '/rtmp/push/stop', [
				field('converterId', 'Converter', REQUIRED),
				REGION,
				itsChannel('rtcChannel'),
			]),
		},
	},
	pull: {
		label: 'Media pull',
		shown: ['playerId', 'region'],
		ids: (answer, sent) => ({
			playerId: answer.player?.id,
			region: sent.region,
			channelName: sent.channelName,
		}),
		actions: {
			start: call('Start', 'POST', '/rtmp/pull/start', [
				field('channelName', 'Channel to play into', REQUIRED),
				field('streamUrl', 'URL of what to play', REQUIRED),
				REGION,
				field('uid', "The player's uid", { note: 'empty: one by chance' }),
				field('repeatTime', 'How often', { ...NUMBER, note: '-1 for ever' }),
				field('seekPosition', 'Begin at, seconds', NUMBER),
				IDLE,
				...OPTIONS,
			]),
			query: call('Query', 'GET', '/rtmp/pull/status/:playerId', [
				field('playerId', 'Player', IN_PATH),
				itsChannel('channelName'),
			]),
			update: call('Update', 'POST', '/rtmp/pull/update', [
				field('playerId', 'Player', REQUIRED),
				REGION,
				itsChannel('channelName'),
				field('streamUrl', 'Another stream'),
				agoras('audioOptions', { note: '{"volume": 0 to 200}' }),
				field('isPause', 'Pause', { choices: ['', 'true', 'false'], kind: 'maybe' }),
				field('seekPosition', 'Go to, seconds', NUMBER),
			]),
			stop: call('Stop', 'POST', '/rtmp/pull/stop', [
				field('playerId', 'Player', REQUIRED),
				REGION,
				itsChannel('channelName'),
			]),
		},
	},
}

const serviceForm = $('service-form')
const jobs = []

const actionOf = () => SERVICES[$('service').value].actions[$('action').value]

function inputOf(f, value) {
	const attributes = {
		id: `service-${f.name}`,
		name: f.name,
		autocomplete: 'off',
		spellcheck: 'false',
		'aria-describedby': f.note && `service-${f.name}-note`,
	}

	if (f.choices)
		return el(
			'select',
			attributes,
			f.choices.map((c) => el('option', { value: c, selected: c === value }, c)),
		)
	if (f.kind === 'json')
		return el('textarea', { ...attributes, rows: 2, placeholder: '{}' }, value)
	return el('input', {
		...attributes,
		value,
		type: { number: 'number', secret: 'password', yes: 'checkbox' }[f.kind] ?? 'text',
	})
}

/* The fields of the action that is chosen; values: of a job, by the fields' names. */
function buildFields(values = {}) {
	$('service-fields').replaceChildren(
		...actionOf().fields.map((f) =>
			el(
				'p',
				null,
				el(
					'label',
					{ for: `service-${f.name}` },
					f.label,
					!f.required && !f.choices && el('span', { class: 'note' }, ' (optional)'),
				),
				inputOf(f, values[f.name]),
				f.note && el('span', { class: 'note', id: `service-${f.name}-note` }, f.note),
			),
		),
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
			return fromJson(f.name, text)
		default:
			return text
	}
}

/* {method, path, body, values} of the form as it stands; values: of all its fields. */
function serviceRequest() {
	const { method, path: pattern, fields } = actionOf()
	const values = {}
	const sent = {}
	let path = pattern

	for (const f of fields) {
		const value = fieldValue(f, $(`service-${f.name}`))

		if (value !== undefined) values[f.name] = value
		if (f.inPath) path = path.replace(`:${f.name}`, encodeURIComponent(value ?? ''))
		else if (value !== undefined) sent[f.name] = value
	}
	if (method === 'POST') return { method, path, body: sent, values }
	const query = new URLSearchParams(sent).toString()

	return { method, path: query === '' ? path : `${path}?${query}`, values }
}

function showService() {
	const name = $('service').value
	const isOff = service?.services.some((s) => s.name === name && !s.on)
	const bills = actionOf().method !== 'GET'

	$('service-note').textContent = isOff
		? `${SERVICES[name].label} is off: the settings of this server do not turn it on.`
		: bills
			? 'This changes what runs at Agora, and what it costs.'
			: ''
	showCommands('service-commands', () => {
		const { method, path, body } = serviceRequest()

		return [command('curl', curlOf(method, path, body))]
	})
}

function jobRow(job) {
	const { label, shown, actions } = SERVICES[job.service]
	const { cname, rtcChannel, channelName } = job.ids
	const buttons = job.state === 'stopped' ? ['query'] : ['query', 'update', 'stop']

	return [
		rowHead(`${label}: `, nameText(cname ?? rtcChannel ?? channelName)),
		cell(
			shown
				.filter((name) => job.ids[name] !== undefined)
				.map((name) => el('div', null, `${name} `, nameText(job.ids[name]))),
		),
		cell(utc(job.since).slice(11)),
		cell(job.state),
		cell(
			buttons.map((name) =>
				smallButton(actions[name].label.split(' ')[0], () => doWith(job, name), {
					'data-job': `${job.number} ${name}`,
				}),
			),
		),
	]
}

/* The button that was pressed keeps the focus, though it is another now. */
function showJobs() {
	const pressed = document.activeElement?.dataset.job ?? ''
	const button = (key) => $('jobs').querySelector(`[data-job="${key}"]`)

	$('jobs').replaceChildren(
		table('jobs', ['What', 'Ids', 'Since', 'State', 'Actions'], jobs.map(jobRow)),
	)
	if (pressed !== '') (button(pressed) ?? button(pressed.replace(/\w+$/, 'query'))).focus()
}

function showActions(chosen) {
	$('action').replaceChildren(
		...Object.entries(SERVICES[$('service').value].actions).map(([name, action]) =>
			el('option', { value: name, selected: name === chosen }, action.label),
		),
	)
}

/* An answer is not taken for that of another request. */
function forgetAnswer() {
	$('service-result').hidden = true
	$('service-result').replaceChildren()
	say('service-said', '')
}

/* The newest job of the service is the one that is likely meant. */
function showForm(action, ids = jobs.find((job) => job.service === $('service').value)?.ids) {
	forgetAnswer()
	placeError('service-error')
	$('service-error').textContent = ''
	showActions(action)
	buildFields(action === 'start' ? {} : ids)
	showService()
}

function doWith(job, action) {
	if (isBusy(serviceForm)) return
	$('service').value = job.service
	showForm(action, job.ids)
	if (action !== 'update') {
		sendService()
		return
	}
	const inputs = [...$('service-fields').querySelectorAll('input, textarea')]

	inputs.find((input) => input.value === '')?.focus()
}

const stateOf = (answer) =>
	String(
		answer.query?.status ??
			answer.serverResponse?.status ??
			answer.converter?.state ??
			answer.player?.status ??
			'asked',
	)

function noteJob(name, action, sent, answer) {
	const { ids, shown } = SERVICES[name]
	const state = { query: stateOf(answer), stop: 'stopped' }[action] ?? 'updated'

	if (action === 'start')
		jobs.unshift({
			number: jobs.length,
			service: name,
			ids: ids(answer, sent),
			since: clock(),
			state: 'started',
		})
	else
		for (const job of jobs)
			if (job.service === name && job.ids[shown[0]] === sent[shown[0]]) job.state = state
	if (jobs.length > 0) showJobs()
}

/* What is said of a request before it is sent: nothing that may hold a secret. */
const NAMED = [
	'channelName',
	'cname',
	'rtcChannel',
	'uid',
	'recordingMode',
	'languages',
	'region',
	'resourceId',
	'sid',
	'taskId',
	'converterId',
	'playerId',
]

function hostOf(address) {
	try {
		return new URL(address).host || undefined
	} catch {
		return undefined
	}
}

/* Whether a person wants it, who sees first what begins to cost, or ends. */
function confirmed(name, action, values) {
	const dialog = $('confirm')
	const { fields } = actionOf()
	const what = SERVICES[name].label.toLowerCase()
	const host = hostOf(values.streamUrl)

	$('confirm-title').textContent = action === 'start' ? `Start ${what}?` : `Stop ${what}?`
	$('confirm-note').textContent =
		action === 'start'
			? 'Agora bills it from now on until it is stopped.'
			: 'It ends for everybody who uses it, and cannot be continued.'
	$('confirm-what').replaceChildren(
		definitions([
			...fields
				.filter((f) => NAMED.includes(f.name) && values[f.name] !== undefined)
				.map((f) => [f.label, nameText(String(values[f.name]))]),
			['Server', host && nameText(host)],
		]),
	)
	$('confirm-yes').textContent = action === 'start' ? 'Start it' : 'Stop it'
	dialog.returnValue = ''
	dialog.showModal()
	return new Promise((decided) =>
		dialog.addEventListener('close', () => decided(dialog.returnValue === 'yes'), { once: true }),
	)
}

function sendService() {
	return busy(serviceForm, 'service-error', async () => {
		const [name, action, { label, fields }] = [$('service').value, $('action').value, actionOf()]

		forgetAnswer()
		const { method, path, body, values } = serviceRequest()

		if (['start', 'stop'].includes(action)) {
			const missing = fields.find((f) => f.required && values[f.name] === undefined)

			if (missing) throw new Refusal(`${missing.name}: is required`, { field: missing.name })
			if (!(await confirmed(name, action, values))) {
				say('service-said', `Nothing was ${action === 'start' ? 'started' : 'stopped'}.`)
				reveal($('service-said'))
				return
			}
		}
		const answer = await ask(method, path, body)

		noteJob(name, action, values, answer)
		$('service-result').replaceChildren(
			el('h3', null, 'The answer'),
			el('pre', { tabindex: 0, 'aria-label': 'Answer' }, JSON.stringify(answer, null, 2)),
		)
		$('service-result').hidden = false
		say('service-said', `${SERVICES[name].label}, ${label.toLowerCase()}: done.`)
		reveal($('service-said'))
	})
}

/* Status */

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
	return badges(
		badge({ open: 'bad', log: 'warn' }[ready.mode] ?? 'good', MODE_WORDS[ready.mode]),
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

const RECORD = [
	'caller', 'sub', 'grant', 'service', 'channel', 'uid', 'role', 'name', 'resourceId', 'sid',
	'converterId', 'playerId', 'taskId', 'host', 'agoraStatus', 'reason',
]
const RECORD_GOOD = ['allow', 'done']

function recordRow(r) {
	return [
		cell(r.time.replace('T', ' ').replace('Z', ' UTC')),
		el(
			'td',
			{ class: RECORD_GOOD.includes(r.verdict ?? r.outcome) ? 'good' : 'bad' },
			r.verdict ?? r.outcome,
		),
		el('td', { class: 'name' }, r.action),
		cell(
			RECORD.filter((name) => r[name] !== undefined).map((name) =>
				el('span', { class: 'pair' }, `${name} `, nameText(r[name])),
			),
		),
	]
}

function certificateText({ primary, secondary }) {
	return `, certificate \u2026${primary ?? ' none'}${secondary ? `, secondary \u2026${secondary}` : ''}`
}

function statusDetails({ services, limits, counts, projects, audit, mode }) {
	return [
		el('h3', null, 'Services'),
		badges(
			services.map(({ name, on }) =>
				badge(on ? 'good' : '', `${SERVICES[name]?.label ?? name}: ${on ? 'on' : 'off'}`),
			),
		),
		el('h3', null, 'Limits'),
		definitions([
			['body', `${limits.body} bytes`],
			['one address', limits.address ?? 'no limit'],
			['wrong credentials of one address', limits.failure ?? '60/min'],
			['calls to Agora at once', limits.calls],
			['for all calls of a request', span(limits.callSeconds)],
		]),
		counts && [
			el('h3', null, 'Since the worker began'),
			definitions([
				['requests', counts.requests],
				['tokens', counts.tokens],
				['not granted', counts.denied],
				['callers not known', counts.failures],
				['too often', counts.limited],
				['requests to Agora', counts.calls],
			]),
		],
		projects
			? [
					el('h3', null, 'Projects and certificates'),
					definitions(
						projects.map((p) => [p.name, [nameText(p.appId), certificateText(p)]]),
					),
					el('h3', null, 'The last records, without tokens'),
					audit.length > 0
						? table(
								'log',
								['Time', 'Verdict or outcome', 'Action', 'Who and what'],
								audit.map(recordRow),
							)
						: note(
								mode === 'open'
									? 'None: without a policy only AUDIT_FILE makes records.'
									: 'None yet.',
							),
				]
			: note(
					'Certificates and records are shown on this machine alone, or where a grant has status.read.',
				),
	]
}

function lookAtStatus() {
	return busy($('status-again'), 'status-error', async () => {
		const ready = await readiness().catch((error) => {
			$('status-result').replaceChildren()
			say('status-said', '')
			throw error
		})
		const checks = [
			el('h3', null, 'What the next request needs'),
			definitions(ready.checks.map((c) => [c.name, c.reason ?? c.status])),
		]

		$('status-result').replaceChildren(statusBadges(ready), ...checks)
		service = await ask('GET', '/status')
		$('status-result').replaceChildren(
			statusBadges(ready, service),
			...checks,
			...statusDetails(service).flat(Infinity).filter(Boolean),
		)
		say('status-said', `As of ${utc(service.time)}.`)
	})
}

/* Beginning */

$('sign-in').addEventListener('submit', signInByCredential)
$('sign-in-known').addEventListener('click', signInByWebServer)
for (const tab of tabs) {
	tab.addEventListener('click', () => choose(tab))
	tab.addEventListener('keydown', tabKey)
}
addEventListener('hashchange', () => choose(tabOfAddress()))
issueForm.addEventListener('input', () => {
	forgetToken()
	showIssue()
})
issueForm.addEventListener('submit', issue)
inspectForm.addEventListener('input', inspectHere)
inspectForm.addEventListener('submit', inspectThere)
$('inspect-clear').addEventListener('click', clearInspection)
$('service').replaceChildren(
	...Object.entries(SERVICES).map(([name, s]) => el('option', { value: name }, s.label)),
)
$('service').addEventListener('input', () => showForm('start'))
$('action').addEventListener('input', () => showForm($('action').value))
serviceForm.addEventListener('input', () => {
	forgetAnswer()
	showService()
})
/* Enter in a field sends nothing. */
serviceForm.addEventListener('submit', (event) => event.preventDefault())
$('service-send').addEventListener('click', sendService)
/* The second click of a double click was not meant for the question that the first one brought. */
for (const answer of ['yes', 'no'])
	$(`confirm-${answer}`).addEventListener('click', (event) => {
		if (event.detail < 2) $('confirm').close(answer)
	})
/* A page that comes back as it was has its fields, and nothing that was made of them. */
addEventListener('pageshow', (event) => {
	if (!event.persisted) return
	if ($('confirm').open) $('confirm').close('no')
	forgetToken()
	forgetAnswer()
	showIssue()
	showService()
})
$('status-again').addEventListener('click', lookAtStatus)
addEventListener('beforeunload', (event) => {
	if (jobs.some((job) => job.state !== 'stopped')) event.preventDefault()
})
showForm('start')
choose(tabOfAddress())
learnMode()
