// Holds answers of the service against what it says of itself.
//
//   node answers.js AGORA_FCGI < answers, one a line: {"method", "target", "status", "body"}
//
// Each is valid by the schema that `agora-fcgi --dump-openapi` has for its endpoint and status, and
// an error of ours has a status that is listed there.  What is no endpoint answers with an error.
'use strict'

const { execFileSync } = require('node:child_process')
const readline = require('node:readline')
const Ajv = require('ajv/dist/2020')

const document = JSON.parse(execFileSync(process.argv[2], ['--dump-openapi'], { env: {} }))
// OpenAPI's own words stand among the schemas; of formats there is only `password`.
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
ajv.addSchema(document, 'api')

const codes = new Set(document.components.schemas.Error['x-codes'])
// These are the web server's words too, and it may answer them anywhere.
const shared = new Set(['unauthenticated', 'internal', 'method_not_allowed', 'not_found'])

const endpoints = Object.entries(document.paths).map(([path, item]) => ({
	path,
	item,
	pattern: new RegExp('^(/agora|/cgi-bin)?(/agora[.]cgi)?' + path.replace('.', '[.]').replace(/{\w+}/g, '[^/]*') + '/?$'),
}))

const validators = new Map()
function validator(...at) {
	const pointer = at.map((part) => '/' + part.replace(/~/g, '~0').replace(/\//g, '~1')).join('')

	if (!validators.has(pointer))
		validators.set(pointer, ajv.compile({ $ref: `api#${encodeURI(pointer)}` }))
	return validators.get(pointer)
}

// Clients may write paths in other ways: escaped, or with an absolute URL.
function path_of(target) {
	const path = target.replace(/^https?:\/\/[^/]*/, '').replace(/[?#].*/s, '')

	return path.replace(/%([2-7][0-9A-Fa-f])/g, (escaped, hex) => {
		const character = String.fromCharCode(parseInt(hex, 16))
		return /[A-Za-z0-9._~-]/.test(character) ? character : escaped
	})
}

const errors = validator('components', 'schemas', 'Error')

// The schema for the answer; null where there is none that it may have.
function schema_for({ method, target, status, body }) {
	const path = path_of(target)
	const found = endpoints.find((e) => e.pattern.test(path) && e.item[method.toLowerCase()])

	if (!found)
		return status >= 400 ? errors : null
	const name = method.toLowerCase()
	const response = found.item[name].responses[status]
	if (response && !response.$ref)
		return validator('paths', found.path, name, 'responses', String(status), 'content',
			'application/json', 'schema')
	if (!response && (status < 400 || (codes.has(body.code) && !shared.has(body.code))))
		return null
	return errors
}

let count = 0, bad = 0
const used = new Set()

readline.createInterface({ input: process.stdin }).on('line', (line) => {
	const answer = JSON.parse(line)
	const valid = schema_for(answer)

	count++
	used.add(valid)
	if (valid && valid(answer.body))
		return
	if (++bad > 20)
		return
	const why = valid ? ajv.errorsText(valid.errors) : 'no such answer is described'
	console.log(`${answer.method} ${answer.target} ${answer.status}: ${why}: ${JSON.stringify(answer.body)}`)
}).on('close', () => {
	console.log(`${count} answers, ${bad} not as described, ${used.size} schemas used`)
	process.exit(bad > 0 ? 1 : 0)
})
