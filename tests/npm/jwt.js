// Tokens of node's jose, and many spoilt ones, judged by jose and by ours: node jwt.js PROGRAM [SEED]
// PROGRAM is tests/jwt; the closing line is "N passed, N failed".
//
// Where ours is stricter on purpose, the case says so, and must be accepted by jose and refused by
// ours: see `stricter`.  Ours is laxer in two things, which no case here is about: a set none of whose
// keys has a kid is searched whatever kid a token names (PEM files have none), and Ed25519 in a
// header is EdDSA.

const { spawnSync } = require('child_process')
const crypto = require('crypto')

globalThis.crypto ??= crypto.webcrypto // jose wants it there, and Debian 12's node 18 has it not

const [, , program, seedText] = process.argv
const NOW = 1700000000
const ISSUER = 'https://id.example'
const AUDIENCE = 'tokens'
const LEEWAY = 5
const ROUNDS = 20

const seed = Number(seedText || Date.now() % 1e9)
let state = seed | 1
function random() {
	state ^= state << 13
	state ^= state >>> 17
	state ^= state << 5
	return state >>> 0
}
const below = n => random() % n
const pick = list => list[below(list.length)]

const b64 = bytes => Buffer.from(bytes).toString('base64url')
const pair = (type, options) => crypto.generateKeyPairSync(type, options)
const rsa = () => pair('rsa', { modulusLength: 2048 })
const makers = {
	HS256: () => crypto.createSecretKey(crypto.randomBytes(32)),
	RS256: rsa,
	PS256: rsa,
	ES256: () => pair('ec', { namedCurve: 'P-256' }),
	EdDSA: () => pair('ed25519'),
}
const algorithms = Object.keys(makers)
// Three of each; the last is in no set.
const keys = algorithms.flatMap(alg => [0, 1, 2].map(n => {
	const made = makers[alg]()
	const kid = `${alg}-${n}`

	return { alg, kid, sign: made.privateKey || made, jwk: { ...(made.publicKey || made).export({ format: 'jwk' }), kid, alg } }
}))
const known = keys.filter(key => !key.kid.endsWith('2'))
const strange = [
	{ kty: 'AKP', alg: 'ML-DSA-44', kid: 'new', pub: 'AAAA' },
	{ ...pair('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }), kid: 'ES384', alg: 'ES384' },
	{ ...keys.find(key => key.alg === 'RS256').jwk, kid: 'for-encryption', use: 'enc' },
]
const jwks = { keys: [...strange, ...known.map(key => key.jwk)] }

const accepts = (jose, token, key, options) => jose.jwtVerify(token, key, options).then(() => true, () => false)

// jose's key sets leave secrets out, and without a kid they leave the choice to the caller.
async function judgeByJose(jose, token) {
	const options = { algorithms, issuer: ISSUER, audience: AUDIENCE,
		clockTolerance: LEEWAY, currentDate: new Date(NOW * 1000), requiredClaims: ['exp'] }
	const secrets = known.filter(key => key.alg === 'HS256')

	for (const { kid, sign } of secrets) {
		const choose = header => {
			if (header.alg !== 'HS256' || (header.kid !== undefined && header.kid !== kid))
				throw new Error('another key')
			return sign
		}
		if (await accepts(jose, token, choose, options))
			return true
	}
	try {
		await jose.jwtVerify(token, jose.createLocalJWKSet(jwks), options)
		return true
	} catch (error) {
		if (error.code !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS')
			return false
		for await (const key of error)
			if (await accepts(jose, token, key, options))
				return true
		return false
	}
}

// The same as tests/jwt wants it
const line = token => [JSON.stringify(jwks), algorithms.join(','), ISSUER, AUDIENCE, LEEWAY, NOW, token].join('\t')

function signature(key, input, alg = key.alg) {
	switch (alg) {
	case 'HS256': return crypto.createHmac('sha256', key.sign).update(input).digest()
	case 'RS256': return crypto.sign('sha256', input, key.sign)
	case 'PS256': return crypto.sign('sha256', input, { key: key.sign, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
	case 'ES256': return crypto.sign('sha256', input, { key: key.sign, dsaEncoding: 'ieee-p1363' })
	default: return crypto.sign(null, input, key.sign)
	}
}

// header and payload may be JSON text or values
const text = value => (typeof value === 'string' ? value : JSON.stringify(value))
function signed(key, header, payload) {
	const input = `${b64(text(header))}.${b64(text(payload))}`

	return `${input}.${b64(signature(key, Buffer.from(input)))}`
}

function anyHeader(key) {
	const header = { alg: key.alg }

	if (below(3))
		header.kid = key.kid
	if (below(2))
		header.typ = 'JWT'
	if (!below(4))
		Object.assign(header, pick([{ jku: 'https://evil.example' }, { jwk: keys[2].jwk }, { x: { y: [1] } }, { cty: 'json' }]))
	return header
}

function anyPayload() {
	const payload = { iss: ISSUER, aud: pick([AUDIENCE, [AUDIENCE], ['other', AUDIENCE]]), exp: NOW + 1 + below(1000) }

	if (below(2))
		payload.sub = pick(['user', '', '\u00e9\u{1f389}', 'a"b\\c'])
	if (below(2))
		payload.nbf = pick([0, NOW, NOW + LEEWAY, NOW - below(1000), NOW + LEEWAY - 0.5])
	if (below(2))
		payload.iat = NOW - below(1000)
	if (!below(3))
		payload.exp = pick([NOW - LEEWAY + 1, NOW - LEEWAY + 0.5, NOW + 0.25, NOW + 1e9])
	return payload
}

const token = () => {
	const key = pick(known)

	return { key, header: anyHeader(key), payload: anyPayload() }
}
const join = t => signed(t.key, t.header, t.payload)
const parts = (t, change) => {
	const all = join(t).split('.')

	change(all)
	return all.join('.')
}
const claim = (name, values) => t => join({ ...t, payload: { ...t.payload, [name]: pick(values) } })
const without = name => t => {
	const payload = { ...t.payload }

	delete payload[name]
	return join({ ...t, payload })
}
const inHeader = (name, values) => t => join({ ...t, header: { ...t.header, [name]: pick(values) } })
const bytes = (part, change) => t => parts(t, all => {
	all[part] = b64(change(Buffer.from(all[part], 'base64url')))
})

// Judged alike
const mutations = {
	valid: join,
	'any byte of the text changed': t => {
		const all = Buffer.from(join(t))

		all[below(all.length)] = pick([...Buffer.from('AZaz09-_.')])
		return all.toString()
	},
	'a bit of the signature': bytes(2, s => (s[below(s.length)] ^= 1 << below(8), s)),
	'a bit of the payload': bytes(1, s => (s[below(s.length)] ^= 1 << below(7), s)),
	'a bit of the header': bytes(0, s => (s[below(s.length)] ^= 1 << below(7), s)),
	'signature cut': bytes(2, s => s.subarray(0, below(s.length))),
	'signature longer': bytes(2, s => Buffer.concat([s, Buffer.alloc(1 + below(3))])),
	'signature of zeros': bytes(2, s => Buffer.alloc(s.length)),
	'no signature': t => parts(t, all => (all[2] = '')),
	'text cut': t => {
		const all = join(t)

		return all.slice(0, below(all.length))
	},
	'parts swapped': t => parts(t, all => all.reverse()),
	'a part too many': t => parts(t, all => all.push(pick(['', 'AAAA']))),
	'a part too few': t => parts(t, all => all.splice(below(3), 1)),
	'a key that is not known': t => join({ ...t, key: keys.find(k => k.alg === t.key.alg && !known.includes(k)) }),
	'an unknown kid': inHeader('kid', ['', 'x', '../RS256-0', "' OR 1=1 --", 'HS256-2', 'new', 'for-encryption']),
	'the kid of another': t => inHeader('kid', known.filter(k => k !== t.key).map(k => k.kid))(t),
	'kid of another kind': inHeader('kid', [1, true, [], {}]),
	'another alg': t => inHeader('alg', algorithms.filter(a => a !== t.key.alg))(t),
	'unknown alg': inHeader('alg', ['none', 'NoNe', 'HS512', 'RS512', 'es256', '', 1, null, ['RS256']]),
	'HMAC with a public key': t => {
		const key = known.find(k => k.alg === 'RS256')
		const secret = crypto.createSecretKey(Buffer.from(crypto.createPublicKey({ key: key.jwk, format: 'jwk' }).export({ format: 'pem', type: 'spki' })))
		const input = `${b64(text({ alg: 'HS256', kid: pick([key.kid, undefined]) }))}.${b64(text(t.payload))}`

		return `${input}.${b64(signature({ sign: secret }, input, 'HS256'))}`
	},
	crit: inHeader('crit', [['exp'], [], ['x', 'y'], 'exp', [1]]),
	expired: claim('exp', [NOW - LEEWAY, NOW - LEEWAY - 0.5, NOW - 1000, 0, -1]),
	'exp of another kind': claim('exp', ['1800000000', true, [NOW + 60], {}]),
	'no exp': without('exp'),
	early: claim('nbf', [NOW + LEEWAY + 1, NOW + LEEWAY + 0.5, NOW + 1000]),
	'nbf of another kind': claim('nbf', ['1', true, [], {}]),
	'iat of another kind': claim('iat', ['1', true, [], {}]),
	'another issuer': claim('iss', ['', 'https://id.example/', 'HTTPS://id.example', [ISSUER], 1, true]),
	'no issuer': without('iss'),
	'another audience': claim('aud', ['', 'token', 'Tokens', 'tokens ', [], ['a', 'b'], [AUDIENCE.toUpperCase()], {}, 1, true]),
	'no audience': without('aud'),
	'payload no object': t => join({ ...t, payload: pick(['[]', '1', '"a"', 'null', '', '{', '{}}', 'a.b.c', '{"exp":}', "{'exp':1}"]) }),
	'header no object': t => join({ ...t, header: pick(['[]', '1', '"a"', 'null', '', '{', '{}']) }),
	'not UTF-8': t => {
		const input = `${b64(text(t.header))}.${b64(Buffer.concat([Buffer.from(text(t.payload).slice(0, -1)), Buffer.from(',"x":"\xff"}', 'latin1')]))}`

		return `${input}.${b64(signature(t.key, Buffer.from(input)))}`
	},
	'ECDSA in DER': t => {
		const key = known.find(k => k.alg === 'ES256')
		const input = `${b64(text({ alg: 'ES256', kid: key.kid }))}.${b64(text(t.payload))}`

		return `${input}.${b64(crypto.sign('sha256', Buffer.from(input), key.sign))}`
	},
	'PSS with another salt': t => {
		const key = known.find(k => k.alg === 'PS256')
		const input = `${b64(text({ alg: 'PS256', kid: key.kid }))}.${b64(text(t.payload))}`

		return `${input}.${b64(crypto.sign('sha256', Buffer.from(input), { key: key.sign, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: pick([0, 20, 31, 64]) }))}`
	},
}

// jose accepts these, ours must not
const more = (json, extra) => `${text(json).slice(0, -1)},${extra}}`
const good = t => ({ ...t, header: { alg: t.key.alg, kid: t.key.kid }, payload: { iss: ISSUER, aud: AUDIENCE, exp: NOW + 60 } })
const stricter = {
	'two members of one name': t => join({ ...t, payload: more(t.payload, pick([`"exp":${NOW + 61}`, '"x":1,"x":2', `"\\u0065xp":${NOW + 61}`, '"x":{"a":1,"a":1}'])) }),
	'two members of one name in the header': t => join({ ...t, header: more(t.header, `"alg":"${t.key.alg}"`) }),
	'exp after the year 9999': t => join({ ...t, payload: more({ ...t.payload, exp: undefined }, `"exp":${pick(['1e400', '253402300800', '1800000000000'])}`) }),
	'a negative time': claim('nbf', [-1, -1e300]),
	'issued in the future': claim('iat', [NOW + LEEWAY + 1, NOW + 1e6]),
	'sub no string': claim('sub', [1, null, [], {}]),
	'jti no string': claim('jti', [1, null, []]),
	'aud holds more than strings': claim('aud', [[AUDIENCE, 1], [AUDIENCE, null]]),
	'NUL in a string': claim('sub', ['a\0b']),
	'half a surrogate pair': t => join({ ...t, payload: more(t.payload, '"sub":"\\ud800"') }),
	'nested deeply': t => join({ ...t, payload: more(t.payload, `"x":${'['.repeat(16)}${']'.repeat(16)}`) }),
	'longer than 8192 bytes': claim('x', ['x'.repeat(6200)]),
	'another typ': inHeader('typ', ['JOSE', 'logout+jwt', '', null, 1]),
	'a token in a token': inHeader('cty', ['JWT', 'jwt', 'application/jwt']),
	'b64 without crit': inHeader('b64', [false, null, 0]),
	'bits left over in the signature': t => parts({ ...t, ...edDSA() }, all => {
		const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

		all[2] = all[2].slice(0, -1) + alphabet[alphabet.indexOf(all[2].slice(-1)) + 1 + below(3)]
	}),
	'padding': t => parts({ ...t, ...edDSA() }, all => (all[2] += '==')),
	'blanks in the signature': t => parts(t, all => (all[2] = ` ${all[2]}`)),
}
function edDSA() {
	const key = known.find(k => k.alg === 'EdDSA')

	return { key, header: { alg: 'EdDSA', kid: key.kid } }
}

async function main() {
	const jose = await import('jose')
	const cases = []

	for (let round = 0; round < ROUNDS; round++) {
		for (const [name, mutate] of Object.entries(mutations))
			cases.push({ name, token: mutate(token()) })
		for (const [name, mutate] of Object.entries(stricter))
			cases.push({ name, token: mutate(good(token())), strict: true })
		for (let n = 0; n < 10; n++)
			cases.push({ name: 'valid', token: join(token()), valid: true })
	}
	const usable = cases.filter(c => !/[\t\n]/.test(c.token))
	const ours = spawnSync(program, { input: usable.map(c => `${line(c.token)}\n`).join(''), encoding: 'latin1', maxBuffer: 1 << 28 })
	const verdicts = ours.stdout.split('\n')
	let passed = 0
	let failed = 0

	if (ours.status !== 0)
		console.error(`${program} ended with ${ours.status || ours.signal}: ${ours.stderr}`)
	for (const [i, c] of usable.entries()) {
		const theirs = await judgeByJose(jose, c.token)
		const mine = verdicts[i] === 'valid'
		const fine = c.strict ? theirs && !mine : mine === theirs && (!c.valid || mine)

		if (fine && ours.status === 0) {
			passed++
			continue
		}
		failed++
		console.error(`FAILED ${c.name}: jose ${theirs}, ours ${verdicts[i]}: ${c.token}`)
	}
	console.log(`${passed} passed, ${failed} failed`)
	process.exitCode = failed === 0 ? 0 : 1
}

if (!program) {
	console.error('usage: node jwt.js PROGRAM [SEED]')
	process.exit(64)
}
console.log(`seed ${seed}`)
main()
