// Holds answers of the service against what it says of itself.
//
//   node answers.js AGORA_FCGI < answers, one a line:
//   {"method", "target", "status", "direct", "headers": [[name, value]], "body", "times"?}
//
// The document of `agora-fcgi --dump-openapi` has each one's status at its endpoint, and with that
// its Content-Type, its headers and the schema of its body.  What is no endpoint answers with an
// error; only a web server in front (direct: there is none) answers what is not listed.
'use strict'

const { execFileSync } = require('node:child_process')
const readline = require('node:readline')
const Ajv = require('ajv/dist/2020')

const document = JSON.parse(execFileSync(process.argv[2], ['--dump-openapi'], { env: {} }))
// OpenAPI's own words stand among the schemas; of formats there is only `password`.
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, coerceTypes: false })
// Headers are texts.
const ajvOfHeaders = new Ajv({ strict: false, coerceTypes: true })
ajv.addSchema(document, 'api')
ajvOfHeaders.addSchema(document, 'api')

const codes = new Set(document.components.schemas.Error['x-codes'])
// These are the web server's words too, and it may answer them anywhere.
const shared = new Set(['unauthenticated', 'internal', 'method_not_allowed', 'not_found'])
// Of HTTP and of browsers.
const known = /^(accept-ranges|allow|cache-control|connection|content-(length|type)|date|expires|keep-alive|pragma|server|transfer-encoding|vary|x-content-type-options|access-control-.*)$/

const endpoints = Object.entries(document.paths).map(([path, item]) => ({
	path,
	item,
	pattern: new RegExp('^(/agora|/cgi-bin)?(/agora[.]cgi)?' +
		path.replace('.', '[.]').replace(/{\w+}/g, '[^/]*') + '$'),
}))

// Clients may write paths in other ways: escaped, with slashes before it or one at the end, with an
// absolute URL.
function path_of(target) {
	const path = target.replace(/^https?:\/\/[^/]*/, '').replace(/[?#].*/s, '').replace(/\/$/, '')
		.replace(/^\/+/, '/')

	return path.replace(/%([2-7][0-9A-Fa-f])/g, (escaped, hex) => {
		const character = String.fromCharCode(parseInt(hex, 16))
		return /[A-Za-z0-9._~-]/.test(character) ? character : escaped
	})
}

const validators = new Map()
function validator(judge, pointer) {
	if (!validators.has(pointer))
		validators.set(pointer, judge.compile({ $ref: `api#${encodeURI(pointer)}` }))
	return validators.get(pointer)
}

const below = (pointer, ...parts) =>
	pointer + parts.map((part) => `/${part.replace(/~/g, '~0').replace(/\//g, '~1')}`).join('')

// What stands there, or where that refers to: [value, pointer]
function resolved(value, pointer) {
	if (!value.$ref) return [value, pointer]
	const there = value.$ref.slice(1)
	return [there.split('/').slice(1).reduce((at, part) => at[part], document), there]
}

const component = (name) =>
	document.components.responses[name] && resolved({ $ref: `#/components/responses/${name}` })

// The response that the document has for the answer: [value, pointer]; nothing: none.
function response_for({ method, target, status, direct }, body) {
	const path = path_of(target)
	const name = (method === 'HEAD' ? 'GET' : method).toLowerCase()
	const found = endpoints.find((e) => e.pattern.test(path) && e.item[name])
	const described = found?.item[name].responses[status]
	const ours = codes.has(body?.code)

	if (described)
		return resolved(described, below('/paths', found.path, name, 'responses', String(status)))
	if (!found && (component(`Error${status}`) || status === 405))
		return component(`Error${status}`) ?? component('OtherError')
	return status < 400 || direct || (ours && !shared.has(body.code)) ? undefined : component('OtherError')
}

const BARE = /^(\/agora)?\/?$/

function* problems(answer) {
	const { method, target, status } = answer
	const headers = new Map(answer.headers.map(([name, value]) => [name.toLowerCase(), value]))
	const type = headers.get('content-type')
	const json = type?.startsWith('application/json')
	const empty = answer.body === ''
	let body = answer.body

	if (method === 'OPTIONS' && status === 204) { // a preflight, which OpenAPI does not speak of
		if (!empty || type) yield 'it has a body'
		return
	}
	// The bare address leads to the console, which is for people.
	if (status === 302 && BARE.test(path_of(target))) {
		if (!empty || type) yield 'it has a body'
		if (!/^(\/agora)?\/console\/$/.test(headers.get('location')))
			yield `it leads to ${headers.get('location')}`
		return
	}
	if (json && !empty) body = JSON.parse(body)
	const [response, pointer] = response_for(answer, body) ?? []
	if (!response) {
		yield 'no such answer is described'
		return
	}
	// The web server's own errors may name a charset.
	const [, content] = Object.entries(response.content).find(([name]) => name === type) ?? []
	if (!content) yield `its Content-Type is ${type}`
	else if (method === 'HEAD') {
		if (!empty) yield 'it has a body'
	} else {
		const valid = validator(ajv, below(pointer, 'content', type, 'schema'))

		if (!valid(body)) yield ajv.errorsText(valid.errors)
		if (body.code && body.status !== undefined && body.status !== status)
			yield `its status is ${status}`
		if (body.requestId && body.requestId !== headers.get('x-request-id'))
			yield `its X-Request-ID is ${headers.get('x-request-id')}`
	}
	const described = new Map(Object.entries(response.headers ?? {}).map(([name, header]) =>
		[name.toLowerCase(), resolved(header, below(pointer, 'headers', name))]))
	for (const [name, [header, at]] of described) {
		const valid = validator(ajvOfHeaders, below(at, 'schema'))

		if (headers.has(name) ? !valid(headers.get(name)) : header.required)
			yield `its header ${name} is ${headers.get(name)}`
	}
	for (const name of headers.keys())
		if (!described.has(name) && !known.test(name)) yield `its header ${name} is not described`
}

let count = 0, bad = 0
const told = new Set()

readline.createInterface({ input: process.stdin }).on('line', (line) => {
	const answer = JSON.parse(line)
	const why = [...problems(answer)].join('; ')

	const times = answer.times ?? 1

	count += times
	if (why === '')
		return
	bad += times
	// Of those with the same problem the first stands for all.
	const kind = `${answer.status} ${why}`
	if (told.has(kind) || told.size === 20)
		return
	told.add(kind)
	console.log(`${answer.method} ${answer.target} ${answer.status}: ${why}: ${answer.body}`)
}).on('close', () => {
	console.log(`${count} live answers judged, ${bad} not as described, ${validators.size} schemas used`)
	process.exit(bad > 0 ? 1 : 0)
})
