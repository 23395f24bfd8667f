// Made tests/vectors/jwt/made.json once: node jwt-vectors.js >../vectors/jwt/made.json
// Keys are new each time, and the private ones are forgotten.

const crypto = require('crypto')

const NOW = 1700000000
const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const claims = { iss: 'https://id.example', sub: 'user', exp: NOW + 60 }

const b64 = bytes => Buffer.from(bytes).toString('base64url')
const json = value => b64(JSON.stringify(value))
const pair = (type, options) => crypto.generateKeyPairSync(type, options)

const rsa = pair('rsa', { modulusLength: 2048 })
const rsa2 = pair('rsa', { modulusLength: 2048 })
const rsa3072 = pair('rsa', { modulusLength: 3072, publicExponent: 3 })
const small = pair('rsa', { modulusLength: 2040 })
const p256 = pair('ec', { namedCurve: 'P-256' })
const p384 = pair('ec', { namedCurve: 'P-384' })
const k256 = pair('ec', { namedCurve: 'secp256k1' })
const ed = pair('ed25519')
const ed448 = pair('ed448')
const secret = crypto.randomBytes(32)

const jwk = (keys, more) => ({ ...keys.publicKey.export({ format: 'jwk' }), ...more })
const oct = (bytes, more) => ({ kty: 'oct', k: b64(bytes), ...more })
const pem = keys => keys.publicKey.export({ format: 'pem', type: 'spki' })
const pkcs1 = keys => keys.publicKey.export({ format: 'pem', type: 'pkcs1' })

const pss = saltLength => ({ padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength })
const signers = {
	HS256: (input, key) => crypto.createHmac('sha256', key || secret).update(input).digest(),
	RS256: (input, keys) => crypto.sign('sha256', input, (keys || rsa).privateKey),
	PS256: (input, keys, salt = 32) => crypto.sign('sha256', input, { key: (keys || rsa).privateKey, ...pss(salt) }),
	ES256: (input, keys) => crypto.sign('sha256', input, { key: (keys || p256).privateKey, dsaEncoding: 'ieee-p1363' }),
	EdDSA: (input, keys) => crypto.sign(null, input, (keys || ed).privateKey),
}

function sign(alg, { header = {}, payload = claims, by = signers[alg], change = s => s } = {}) {
	const input = `${json({ alg, ...header })}.${json(payload)}`

	return `${input}.${b64(change(by(Buffer.from(input)), Buffer.from(input)))}`
}

const cases = []
const add = (name, keys, token, problem, more) => cases.push({ name, keys, token, problem, ...more })
const set = (...keys) => ({ keys })
const all = set(oct(secret), jwk(rsa), jwk(p256), jwk(ed))
const number = (n, size = 32) => Buffer.from(n.toString(16).padStart(2 * size, '0'), 'hex')
const parts = s => [s.subarray(0, 32), s.subarray(32)]

// Good ones: from a mixed set, by kid, from PEM

for (const alg of ['HS256', 'RS256', 'ES256', 'EdDSA'])
	add(`${alg} from a mixed set`, all, sign(alg), 'fine')
add('PS256 by the key of that alg', set(jwk(rsa, { alg: 'PS256' })), sign('PS256'), 'fine')
add('PS256 is the first allowed', set(jwk(rsa)), sign('PS256'), 'fine', { algorithms: ['PS256', 'RS256'] })
add('RS256 is not the first allowed', set(jwk(rsa)), sign('RS256'), 'unknown key', { algorithms: ['PS256', 'RS256'] })
add('RS256 with e = 3 and 3072 bits', set(jwk(rsa3072)), sign('RS256', { by: i => signers.RS256(i, rsa3072) }), 'fine')
add('Ed25519 is EdDSA', set(jwk(ed, { alg: 'Ed25519' })), sign('EdDSA'), 'fine')
add('a header may say Ed25519', set(jwk(ed)), sign('Ed25519', { by: signers.EdDSA }), 'fine')
add('RS256 from PEM', pem(rsa), sign('RS256', { header: { kid: 'any' } }), 'fine')
add('RS256 from a PKCS #1 PEM', pkcs1(rsa), sign('RS256'), 'fine')
add('ES256 from PEM', pem(p256), sign('ES256'), 'fine')
add('EdDSA from PEM', pem(ed), sign('EdDSA'), 'fine')
add('the second of two PEM keys', pem(rsa2) + pem(rsa), sign('RS256'), 'fine')
add('text around PEM', `our key\n${pem(p256)}and more`, sign('ES256'), 'fine')

// The algorithm is the key's

const confused = alg => sign(alg, { by: i => signers.HS256(i, pem(rsa)) })
add('HS256 with the PEM text as its secret', pem(rsa), confused('HS256'), 'unknown key')
add('RS256 in name, HMAC in fact', pem(rsa), confused('RS256'), 'signature')
add('HS256 with the modulus as its secret', set(jwk(rsa)),
	sign('HS256', { by: i => signers.HS256(i, Buffer.from(jwk(rsa).n, 'base64url')) }), 'unknown key')
add('HS256, by the kid of an RSA key', set(jwk(rsa, { kid: 'r' })),
	sign('HS256', { header: { kid: 'r' }, by: i => signers.HS256(i, pem(rsa)) }), 'algorithm')
add('RS256, by a key for PS256', set(jwk(rsa, { kid: 'r', alg: 'PS256' })),
	sign('RS256', { header: { kid: 'r' } }), 'algorithm')
add('PS256, by a key for RS256', set(jwk(rsa, { kid: 'r', alg: 'RS256' })),
	sign('PS256', { header: { kid: 'r' } }), 'algorithm')
add('RS256 where ES256 alone is allowed', set(jwk(p256)), sign('RS256'), 'algorithm', { algorithms: ['ES256'] })
for (const alg of ['none', 'NoNe', 'NONE', '', 'rs256', 'RS512', 'HS512', 'ES384', 'Ed448', 'RSA-OAEP', 'RS256 '])
	add(`alg ${JSON.stringify(alg)}`, all, sign(alg, { by: () => '' }), 'algorithm')
add('alg none with a signature', all, sign('none', { by: i => signers.RS256(i) }), 'algorithm')

// Keys that a token brings are not looked at

for (const header of [{ jwk: jwk(rsa2) }, { jku: 'https://evil.example/keys' }, { x5u: 'https://evil.example/' }, { x5c: ['AAAA'] }]) {
	add(`${Object.keys(header)[0]} and a good signature`, set(jwk(rsa)), sign('RS256', { header }), 'fine')
	add(`${Object.keys(header)[0]} and its signature`, set(jwk(rsa)),
		sign('RS256', { header, by: i => signers.RS256(i, rsa2) }), 'signature')
}

// Which key

const two = set(jwk(rsa, { kid: 'a' }), jwk(rsa2, { kid: 'b' }))
add('by kid', two, sign('RS256', { header: { kid: 'a' } }), 'fine')
add('by the kid of another', two, sign('RS256', { header: { kid: 'b' } }), 'signature')
add('without kid, the second', two, sign('RS256', { by: i => signers.RS256(i, rsa2) }), 'fine')
add('without kid, none', two, sign('RS256', { by: i => signers.RS256(i, rsa3072) }), 'signature')
for (const kid of ['c', 'A', '', 'a ', '../../a', '/dev/null', "a' OR '1'='1", 'a\u200b', '*', 'file:///etc/passwd'])
	add(`kid ${JSON.stringify(kid)}`, two, sign('RS256', { header: { kid } }), 'unknown key')
for (const kid of [1, null, true, ['a'], {}])
	add(`kid ${JSON.stringify(kid)}`, two, sign('RS256', { header: { kid } }), 'malformed')
add('two keys of one kid, the second', set(jwk(rsa2, { kid: 'a' }), jwk(rsa, { kid: 'a' })),
	sign('RS256', { header: { kid: 'a' } }), 'fine')
add('two kinds of one kid', set(jwk(p256, { kid: 'a' }), jwk(rsa, { kid: 'a' })),
	sign('RS256', { header: { kid: 'a' } }), 'fine')
add('a key without kid is not meant by one', set(jwk(rsa), jwk(rsa2, { kid: 'a' })),
	sign('RS256', { header: { kid: 'x' } }), 'unknown key')
add('no key of that algorithm', set(jwk(p256)), sign('RS256'), 'unknown key')
const others = times => Array.from({ length: times }, () => oct(crypto.randomBytes(32)))
add('the eighth key', set(...others(7), oct(secret)), sign('HS256'), 'fine')
add('the ninth key', set(...others(8), oct(secret)), sign('HS256'), 'signature')

// Signatures

for (const alg of Object.keys(signers)) {
	const keys = alg === 'PS256' ? set(jwk(rsa, { alg })) : all
	const bad = (name, change, more) => add(`${alg}: ${name}`, keys, sign(alg, { change, ...more }), 'signature')

	bad('empty', () => '')
	bad('one byte', () => [0])
	bad('cut by a byte', s => s.subarray(0, -1))
	bad('longer by a byte', s => Buffer.concat([s, Buffer.from([0])]))
	bad('a zero in front', s => Buffer.concat([Buffer.from([0]), s]))
	bad('twice', s => Buffer.concat([s, s]))
	bad('all zero', s => Buffer.alloc(s.length))
	bad('all ones', s => Buffer.alloc(s.length, 255))
	bad('first bit', s => (s[0] ^= 128, s))
	bad('last bit', s => (s[s.length - 1] ^= 1, s))
	add(`${alg}: of another payload`, keys,
		sign(alg).replace(/\.[^.]*\./, `.${json({ ...claims, sub: 'admin' })}.`), 'signature')
	add(`${alg}: of another header`, keys,
		sign(alg).replace(/^[^.]*/, json({ alg, more: 1 })), 'signature')
}
const pssKeys = set(jwk(rsa, { alg: 'PS256' }))
for (const salt of [0, 20, 31, 33, 64])
	add(`PS256: a salt of ${salt} bytes`, pssKeys, sign('PS256', { by: i => signers.PS256(i, rsa, salt) }), 'signature')
add('PS256: SHA-512', pssKeys, sign('PS256', { by: i => crypto.sign('sha512', i, { key: rsa.privateKey, ...pss(32) }) }), 'signature')
add('PS256: PKCS #1', pssKeys, sign('PS256', { by: signers.RS256 }), 'signature')
add('RS256: PSS', all, sign('RS256', { by: signers.PS256 }), 'signature')
for (const hash of ['sha1', 'sha512', 'md5'])
	add(`RS256: ${hash}`, all, sign('RS256', { by: i => crypto.sign(hash, i, rsa.privateKey) }), 'signature')
add('RS256: more than the modulus', all, sign('RS256', {
	change: s => number(BigInt(`0x${s.toString('hex')}`) + BigInt(`0x${Buffer.from(jwk(rsa).n, 'base64url').toString('hex')}`), 257),
}), 'signature')
const ecdsa = (name, change) => add(`ES256: ${name}`, all, sign('ES256', { change }), 'signature')
const [zero, one, order] = [number(0n), number(1n), number(ORDER)]
ecdsa('r = 0', s => Buffer.concat([zero, parts(s)[1]]))
ecdsa('s = 0', s => Buffer.concat([parts(s)[0], zero]))
ecdsa('r = s = 1', () => Buffer.concat([one, one]))
ecdsa('r = n', s => Buffer.concat([order, parts(s)[1]]))
ecdsa('s = n', s => Buffer.concat([parts(s)[0], order]))
ecdsa('r = n, s = n', () => Buffer.concat([order, order]))
ecdsa('r and s swapped', s => Buffer.concat([parts(s)[1], parts(s)[0]]))
add('ES256: n - s is as good', all, sign('ES256', {
	change: s => Buffer.concat([parts(s)[0], number(ORDER - BigInt(`0x${parts(s)[1].toString('hex')}`))]),
}), 'fine')
add('ES256: in DER', all, sign('ES256', { by: i => crypto.sign('sha256', i, p256.privateKey) }), 'signature')
add('ES256: SHA-512', all, sign('ES256', { by: i => crypto.sign('sha512', i, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }) }), 'signature')
add('EdDSA: S + L', all, sign('EdDSA', {
	change: s => {
		const n = BigInt(`0x${Buffer.from(parts(s)[1]).reverse().toString('hex')}`) + ED25519_ORDER

		return Buffer.concat([parts(s)[0], number(n).reverse()])
	},
}), 'signature')

// Keys that are left out of a set, of which no other is left

const refused = (name, keys, error, more) => add(name, keys, '', 'keys', { error, ...more })
const point = jwk(p256)
const flip = text => (text[5] === 'A' ? `${text.slice(0, 5)}B${text.slice(6)}` : `${text.slice(0, 5)}A${text.slice(6)}`)
refused('RSA of 2040 bits', set(jwk(small)), 'keys[0]: an RSA key must have 2048 bits or more')
refused('RSA of 2040 bits in PEM', pem(small), 'PEM block 1: an RSA key must have 2048 bits or more')
refused('RSA of 2040 bits in a PKCS #1 PEM', pem(rsa) + pkcs1(small), 'PEM block 2: an RSA key must have 2048 bits or more')
refused('RSA of 8193 bits', set({ kty: 'RSA', n: b64(Buffer.alloc(1025, 1)), e: 'AQAB' }), 'keys[0]: an RSA key must have 8192 bits or less')
refused('an even modulus', set({ ...jwk(rsa), n: b64(Buffer.concat([Buffer.alloc(255, 255), Buffer.from([254])])) }), 'keys[0]: it is not a valid RSA key')
for (const [e, name] of [['AQ', 1], ['', 0], ['AA', '0 in a byte'], ['AAE', '1 in two bytes'], ['AQAA', 65536]])
	refused(`e = ${name}`, set({ ...jwk(rsa), e }), 'keys[0]: it is not a valid RSA key')
refused('e of 65 bits', set({ ...jwk(rsa), e: b64([1, 0, 0, 0, 0, 0, 0, 0, 1]) }), "keys[0]: an RSA key's exponent must have 64 bits or less")
refused('P-384', set(jwk(p384)), 'keys[0]: it is none of RSA, EC P-256, OKP Ed25519 and oct')
refused('P-384 in PEM', pem(p384), 'PEM block 1: its curve is not P-256')
refused('secp256k1', set(jwk(k256)), 'keys[0]: it is none of RSA, EC P-256, OKP Ed25519 and oct')
refused('secp256k1 in PEM', pem(k256), 'PEM block 1: its curve is not P-256')
refused('Ed448', set(jwk(ed448)), 'keys[0]: it is none of RSA, EC P-256, OKP Ed25519 and oct')
refused('Ed448 in PEM', pem(ed448), 'PEM block 1: it is none of RSA, EC P-256 and Ed25519')
refused('a point of another curve', set({ ...jwk(k256), crv: 'P-256' }), 'keys[0]: it is not a point on the curve P-256')
refused('a point off the curve', set({ ...point, y: flip(point.y) }), 'keys[0]: it is not a point on the curve P-256')
refused('the point 0, 0', set({ ...point, x: b64(zero), y: b64(zero) }), 'keys[0]: it is not a point on the curve P-256')
refused('a short coordinate', set({ ...point, x: point.x.slice(0, 40) }), 'keys[0]: it is not a point on the curve P-256')
refused('a long coordinate', set({ ...point, x: b64(Buffer.concat([Buffer.alloc(1), Buffer.from(point.x, 'base64url')])) }), 'keys[0]: it is not a point on the curve P-256')
for (const [x, name] of [[number(0n), 'of order 4'], [number(1n).reverse(), 'of order 1'], [Buffer.alloc(32, 255), 'out of the field'], [number(2n).reverse(), 'off the curve'], [Buffer.alloc(31, 9), 'of 31 bytes']])
	refused(`an Ed25519 key ${name}`, set({ ...jwk(ed), x: b64(x) }), 'keys[0]: it is not a valid Ed25519 key')
refused('RSA-PSS in PEM', pem(pair('rsa-pss', { modulusLength: 2048 })), 'PEM block 1: it is none of RSA, EC P-256 and Ed25519')
refused('DSA in PEM', pem(pair('dsa', { modulusLength: 2048 })), 'PEM block 1: it is none of RSA, EC P-256 and Ed25519')
refused('X25519 in PEM', pem(pair('x25519')), 'PEM block 1: it is none of RSA, EC P-256 and Ed25519')
refused('PEM for no allowed algorithm', pem(p256), 'PEM block 1: no algorithm that is allowed here takes such a key', { algorithms: ['RS256'] })
refused('PEM cut', pem(rsa).slice(0, 200), 'PEM block 1: it cannot be read')
refused('PEM with a byte too many', pem(ed).replace(/\n(.*)\n/, (_, text) => `\n${Buffer.concat([Buffer.from(text, 'base64'), Buffer.alloc(1)]).toString('base64')}\n`), 'PEM block 1: it cannot be read')
refused('a private key', set({ ...rsa.publicKey.export({ format: 'jwk' }), d: 'AQAB' }), 'keys[0]: it is a private key, which must not be here: put the public one in its place')
refused('a private key beside a good one', set(jwk(ed), jwk(p256, { d: 'AQAB', kid: 'p' })), 'keys[1] (kid "p"): it is a private key, which must not be here: put the public one in its place')

// What the keys of a set say they are for

const only = (name, more, problem) => add(name, set(jwk(rsa, more)), sign('RS256'), problem, problem === 'keys' ? { error: `keys[0]: ${more.error || "its use or key_ops is not to verify signatures"}` } : {})
only('use sig', { use: 'sig' }, 'fine')
only('use enc', { use: 'enc' }, 'keys')
only('use of another kind', { use: 1 }, 'keys')
only('key_ops with verify', { key_ops: ['sign', 'verify'] }, 'fine')
only('key_ops without verify', { key_ops: ['sign', 'encrypt'] }, 'keys')
only('key_ops empty', { key_ops: [] }, 'keys')
only('key_ops no array', { key_ops: 'verify' }, 'keys')
only('alg', { alg: 'RS256' }, 'fine')
for (const alg of ['RS512', 'RSA-OAEP', 'ES256', 'HS256', 'none', '', 5])
	only(`alg ${JSON.stringify(alg)} of an RSA key`, { alg, error: 'no algorithm that is allowed here takes it' }, 'keys')
only('kid no string', { kid: 5, error: 'its kid is no string' }, 'keys')
add('a set of which one is for us', set({ kty: 'new' }, jwk(p384), jwk(rsa, { use: 'enc' }), jwk(small), {}, jwk(rsa)), sign('RS256'), 'fine')

console.log(`{"now":${NOW},"cases":[\n${cases.map(c => JSON.stringify(c)).join(',\n')}\n]}`)
