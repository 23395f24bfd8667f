// The console, as people use it: Chromium in front of a real nginx/serve.
//
//   node console.js [TEST]: that test alone
'use strict'

const { spawn, execFile } = require('node:child_process')
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { isDeepStrictEqual } = require('node:util')
const zlib = require('node:zlib')
const { chromium } = require('playwright-core')

const TOP = path.resolve(__dirname, '../..')
/* What nginx/serve builds, too. */
const TOKEN = path.join(TOP, 'build/release/agora-token')
const SHOTS = process.env.SCREENSHOTS
const APP_ID = '0123456789abcdef0123456789abcdef'
const OTHER_ID = 'fedcba9876543210fedcba9876543210'
const CERTIFICATE = '5cfd2fd1755d40ecb72977518be15d3b'
const OTHER_CERTIFICATE = '3b5d1be185797ceb20d455177fd2fc5d' /* of OTHER_ID */

let passed = 0
let failed = 0

function check(what, good, why) {
	if (good) {
		passed++
		return
	}
	failed++
	console.log(
		`FAIL ${what}${why === undefined ? '' : `: ${typeof why === 'string' ? why : JSON.stringify(why)}`}`,
	)
}

function same(what, got, wanted) {
	check(
		what,
		isDeepStrictEqual(got, wanted),
		`got ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`,
	)
}

async function until(what, condition) {
	const end = Date.now() + 15000

	for (;;) {
		const value = await condition()

		if (value) return value
		if (Date.now() > end) throw new Error(`${what} did not come`)
		await new Promise((go) => setTimeout(go, 20))
	}
}

/* Programs */

const children = []
const directories = []

function directory() {
	const where = fs.mkdtempSync(path.join(os.tmpdir(), 'agora-console.'))

	directories.push(where)
	return where
}

function freePort() {
	return new Promise((resolve) => {
		const server = http.createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address()

			server.close(() => resolve(port))
		})
	})
}

/* The settings that the tests' caller has are not theirs. */
function environment(more) {
	const env = { ...process.env }

	for (const name of [
		'APP_ID',
		'APP_CERTIFICATE',
		'APP_ID_FILE',
		'APP_CERTIFICATE_FILE',
		'POLICY_FILE',
		'CORS_ALLOW_ORIGIN',
		'BASE_PATH',
		'CONSOLE',
		'SERVER_PORT',
		'PORT',
	])
		delete env[name]
	return { ...env, ...more }
}

async function serve(args, top = TOP) {
	const port = await freePort()
	const child = spawn(path.join(top, 'nginx/serve'), ['--port', String(port), ...args], {
		env: environment(),
		stdio: ['ignore', 'pipe', 'pipe'],
	})
	let said = ''
	let ended = false

	children.push(child)
	child.stdout.on('data', (data) => {
		said += data
	})
	child.stderr.on('data', (data) => {
		said += data
	})
	child.on('exit', () => {
		ended = true
	})
	for (;;) {
		if (said.includes('is ready on'))
			return { port, url: `http://127.0.0.1:${port}`, said: () => said }
		if (ended) throw new Error(`nginx/serve ended: ${said}`)
		await new Promise((go) => setTimeout(go, 50))
	}
}

function run(program, args, input, env) {
	return new Promise((resolve) => {
		const child = execFile(
			program,
			args,
			{ env: environment(env), maxBuffer: 1 << 24 },
			(error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
		)

		child.stdin.on('error', () => {}) /* not every program reads it */
		child.stdin.end(input)
	})
}

/* What the command line says of a token, without a certificate, as at this time. */
async function inspectByCommand(token, client, now) {
	const options = Object.entries(client).map(
		([name, value]) => `--${name === 'appId' ? 'app-id' : name}=${value}`,
	)
	const { stdout, stderr } = await run(
		TOKEN,
		['inspect', '--json', ...(now === undefined ? [] : [`--now=${now}`]), ...options, '-'],
		token,
	)

	if (stdout === '') throw new Error(`agora-token inspect: ${stderr}`)
	return JSON.parse(stdout)
}

/* Answers of the service, which are as its description has them: lines for tests/npm/answers.js. */
const answers = []

/* What a login of the web server says by itself is not described. */
function note(method, url, status, headers, body) {
	const of = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]))

	if (of.has('x-request-id') && !of.get('www-authenticate')?.startsWith('Basic'))
		answers.push(JSON.stringify({ method, target: url, status, direct: false, headers, body }))
}

/* Of a page; what it left before the whole came is none. */
const noting = []

function noteOfPage(response) {
	const body = response.body().then(String, () => undefined)

	noting.push(
		Promise.all([response.headersArray(), body]).then(
			([headers, whole]) =>
				whole === undefined ||
				note(
					response.request().method(),
					response.url(),
					response.status(),
					headers.map(({ name, value }) => [name, value]),
					whole,
				),
			() => {},
		),
	)
}

async function fetch(url, options) {
	const answer = await globalThis.fetch(url, options)

	note(
		options?.method ?? 'GET',
		url,
		answer.status,
		[...answer.headers],
		await answer.clone().text(),
	)
	return answer
}

/* What a command that the page shows is answered; curl says what came. */
async function answerTo(command, env) {
	const where = directory()
	const says = '%{stderr}asked: %{method} %{url_effective} %{response_code} %{header_json}'

	fs.writeFileSync(path.join(where, '.curlrc'), `silent\nwrite-out = "${says}"\n`)
	const { stdout, stderr } = await run('sh', ['-c', command], '', { ...env, CURL_HOME: where })
	const [, method, url, status, headers] = /^asked: (\S+) (\S+) (\d+) (.*)$/s.exec(stderr)

	note(
		method,
		url,
		Number(status),
		Object.entries(JSON.parse(headers)).flatMap(([name, values]) =>
			values.map((value) => [name, value]),
		),
		stdout,
	)
	return JSON.parse(stdout)
}

async function answersAsDescribed() {
	await Promise.all(noting)
	const program = path.join(TOP, 'build/release/agora-fcgi')
	const judge = path.join(TOP, 'tests/npm/run')
	const { stdout, stderr } = await run(judge, ['answers.js', program], answers.join('\n'))
	const said = stdout.trimEnd().split('\n').at(-1)

	if (said === '0 passed, 0 failed, 1 skipped') console.log(stdout.split('\n')[0])
	else {
		check(
			'answers: each is as the document says',
			said.startsWith(`${answers.length} live answers judged, 0 not as described`) && answers.length > 0,
			stdout + stderr,
		)
		console.log(`     ${said}`)
	}
}

/* Tokens, also such as no program makes */

const u16 = (n) => Buffer.from([n & 255, n >> 8])
const u32 = (n) => {
	const b = Buffer.alloc(4)
	b.writeUInt32LE(n)
	return b
}
const string = (s) => {
	const b = Buffer.from(s)
	return Buffer.concat([u16(b.length), b])
}
const map = (list) =>
	Buffer.concat([
		u16(list.length),
		...list.map(([id, expire]) => Buffer.concat([u16(id), u32(expire)])),
	])
const service = (type, privileges, ...names) =>
	Buffer.concat([u16(type), map(privileges), ...names.map(string)])

const PUBLISHER = [
	[1, 0],
	[2, 0],
	[3, 0],
	[4, 0],
]

function content({
	services = [service(1, PUBLISHER, 'demo', '42')],
	issued,
	expire = 3600,
	appId = APP_ID,
	salt = 7,
	count = services.length,
	after = Buffer.alloc(0),
	signature = Buffer.alloc(32, 0x5a),
}) {
	return Buffer.concat([
		string(signature),
		string(appId),
		u32(issued),
		u32(expire),
		u32(salt),
		u16(count),
		...services,
		after,
	])
}

const pack = (bytes) => `007${zlib.deflateSync(bytes).toString('base64')}`

/*
 * [code, token, what the client has, other words that are shown]: each makes exactly that mistake,
 * or that in something which is wrong besides.
 */
function mistakes(now) {
	const of = (more) => pack(content({ issued: now - 10, ...more }))
	const good = of({})
	const plus = Array.from({ length: 300 }, (_, salt) => of({ salt })).find((t) =>
		t.slice(3, -2).includes('+'),
	)
	const endsWithPlus = Array.from({ length: 3000 }, (_, salt) =>
		of({ salt, services: [service(1, PUBLISHER, 'demo', '4'.repeat(1 + (salt % 3)))] }),
	).find((t) => t.endsWith('+'))
	const endingIn = (end) =>
		Array.from({ length: 300 }, (_, salt) => of({ salt })).find((t) =>
			new RegExp(`[^=]${end}$`).test(t),
		)
	const old = `006${APP_ID}${Buffer.concat([
		string(Buffer.alloc(32)),
		u32(1),
		u32(2),
		string(Buffer.concat([u32(7), u32(now + 3600), map([[1, 0]])])),
	]).toString('base64')}`

	return [
		['empty', ' ', {}],
		['embedded', `{"token": "${good}"}`, {}],
		['embedded', `Authorization: Bearer ${good}`, {}],
		['embedded', `https://x.example/?t=${encodeURIComponent(plus)}&uid=42`, {}],
		['embedded', `{"token": "${old}"}`, {}],
		['quoted', `"${good}"`, {}],
		['quoted', `\u201c${good}\u201d`, {}],
		['quoted', `"${good}",`, {}],
		['quoted', plus.replaceAll('+', '\\u002B').replaceAll('/', '\\/'), {}],
		['quoted', `'${of({ issued: now - 9000 })}';`, {}, ['the token has expired, 90 minutes ago']],
		['quoted', `"${good.slice(0, -30)}"`, {}, ['the token is cut short: it ends after ']],
		['bearer', `Bearer ${good}`, {}],
		['blanks', `${good.slice(0, 64)}\r\n${good.slice(64)}`, {}],
		['blanks', `${good.slice(0, 50)} ${good.slice(50)}`, {}],
		['blanks', `${good.slice(0, 64)}\n    ${good.slice(64)}`, {}],
		['blanks', `\ufeff${good}\u00a0`, {}],
		['percent_encoded', plus.replace('+', '%2B'), {}],
		['percent_encoded', plus.replace('+', '%252B'), {}],
		['plus_lost', plus.replace('+', ' '), {}],
		['plus_lost', endsWithPlus.replace(/\+$/, ' '), {}],
		['truncated', good.slice(0, -30), {}],
		['truncated', good.slice(0, -31), { channel: 'a longer name', uid: '4294967295' }],
		['truncated', good.slice(2), {}],
		['truncated', endingIn('=').slice(0, -1), {}, ['characters, and only = is missing']],
		['truncated', endingIn('==').slice(0, -2), {}, [', and only = is missing, twice']],
		...[1, 2, 3, 19, 20, 21, 22].map((n) => ['truncated', old.slice(0, -n), {}]),
		['truncated', old.slice(0, 60), { channel: 'demo', uid: '42' }],
		['truncated', `%30${good.slice(1, -30)}`, {}, ['the token is encoded for a URL']],
		...[')', '?', '&x=1', '...', '/', '}'].map((more) => [
			'embedded',
			good + more,
			{},
		]),
		['truncated', `${good.slice(0, -30)}...`, {}],
		['truncated', `${good.slice(0, -30)}=`, {}],
		...[
			'[object Object]',
			'undefined',
			'None',
			"Instance of 'Future<String>'",
			'Promise { <pending> }',
		].map((text) => ['not_ready', text, {}]),
		['jwt', 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2ln', {}],
		['app_id', OTHER_ID, {}],
		['app_id', APP_ID, { appId: APP_ID }, [': it is the App ID of the project']],
		...[
			[zlib.deflateRawSync(content({ issued: now })), 'raw deflate'],
			[zlib.gzipSync(content({ issued: now })), 'gzip'],
			[content({ issued: now }), 'not compressed'],
			[Buffer.from('{"channel":"demo"}'), 'base64 of JSON'],
			[zlib.deflateSync(Buffer.from('{"channel":"demo"}')), 'JSON in a zlib stream'],
			[Buffer.from(old.slice(35), 'base64'), 'the layout of version 006 after 007'],
		].map(([bytes, looks]) => [
			'not_accesstoken2',
			`007${bytes.toString('base64')}`,
			{},
			[looks],
		]),
		['not_accesstoken2', `007${old.slice(3)}`, {}, ['the layout of version 006 after 007']],
		[
			'not_accesstoken2',
			`007${APP_ID}${good.slice(3)}`,
			{},
			['the App ID as text after 007'],
		],
		['not_accesstoken2', `006${good.slice(3)}`, {}, ['AccessToken2 with 006']],
		['bad_version', "'%20+ Token'", {}],
		['trailing_data', `${good} ${plus}`, {}],
		['trailing_data', `${good}${plus}`, {}],
		['bad_version', 'a text', {}],
		['bad_base64', `${good.slice(0, 50)}_${good.slice(51)}`, {}],
		['bad_zlib', `007eJz/${good.slice(7)}`, {}],
		['trailing_data', of({ after: Buffer.from('x') }), {}],
		[
			'trailing_data',
			`007${Buffer.concat([Buffer.from(good.slice(3), 'base64'), Buffer.from('xy')]).toString('base64')}`,
			{},
		],
		['too_large', `007${'A'.repeat(16384)}`, {}],
		['too_large', pack(Buffer.alloc(70000)), {}],
		['bad_app_id', of({ appId: 'x'.repeat(32) }), {}],
		['no_services', of({ services: [] }), {}],
		[
			'duplicate_privilege',
			of({
				services: [
					service(
						1,
						[
							[1, 0],
							[2, 0],
							[2, 0],
						],
						'demo',
						'42',
					),
				],
			}),
			{},
		],
		['version_006', old, {}],
		['version_006', old, { channel: 'demo', uid: '42' }],
		['unsupported_version', `005${good.slice(3)}`, {}],
		['app_id_mismatch', good, { appId: OTHER_ID }],
		['bad_signature', of({ signature: Buffer.alloc(31) }), {}],
		['expired', of({ issued: now - 3930 }), {}],
		['expired', of({ issued: now - 108030, expire: 604800 }), {}],
		['long_lifetime', of({ expire: now }), {}],
		['short_lifetime', of({ expire: 30 }), {}, [': 30 seconds']],
		['short_lifetime', of({ services: [service(1, [[1, 10]], 'demo', '42')] }), {}],
		['account_named_zero', of({ services: [service(1, PUBLISHER, 'demo', '0')] }), {}],
		['placeholder_name', of({ services: [service(1, PUBLISHER, 'undefined', '42')] }), {}],
		['placeholder_name', good, { channel: ':channelName' }],
		['app_id_inside', of({ services: [service(1, PUBLISHER, APP_ID, '42')] }), {}],
		['chat_capitals', of({ services: [service(5, [[1, 0]], 'Ann')] }), {}],
		['bad_name', of({ services: [service(5, [[1, 0]], 'a b')] }), {}],
		['bad_name', of({ services: [service(2, [[1, 0]], '')] }), {}],
		['uid_mismatch', good, { channel: 'lobby', uid: '43' }],
		['wrong_kind', of({ services: [service(2, [[1, 0]], '42')] }), { channel: 'demo' }],
		['channel_mismatch', good, { channel: 'DEMO', uid: '42' }],
		['channel_mismatch', good, { channel: 'de mo' }],
		['channel_mismatch', good, { channel: 'demo\u00a0' }, ['they differ only by blanks']],
		['channel_mismatch', good, { channel: '\ufeffDe mo' }, ['only in case and blanks']],
		[
			'channel_mismatch',
			of({ services: [service(1, PUBLISHER, 'room-*', '42')] }),
			{ channel: 'rom-1' },
		],
		...['42', '0'].map((uid) => [
			'account_zero',
			of({ services: [service(1, PUBLISHER, 'demo', '0')] }),
			{ uid },
		]),
		...['caf\u00e9', 'a/b', 'n'.repeat(65)].map((channel) => [
			'bad_name',
			of({ services: [service(1, PUBLISHER, channel, '42')] }),
			{ channel },
		]),
		['bad_name', of({ services: [service(1, PUBLISHER, 'demo', 'a/b')] }), { account: 'a/b' }],
		['bad_name', of({ services: [service(1, PUBLISHER, 'a/b', '42')] }), {}],
		['bad_name', of({ services: [service(1, PUBLISHER, 'demo', 'a/b')] }), { channel: 'x' }],
		['bad_name', old, { channel: 'a/b', uid: '42' }],
		['uid_zero', good, { channel: 'demo', uid: '0' }],
		['uid_kind', of({ services: [service(1, PUBLISHER, 'demo', 'ann')] }), { uid: '42' }],
		['uid_kind', good, { account: '042' }],
		['uid_mismatch', good, { uid: '43' }],
		['no_privilege', of({ services: [service(1, PUBLISHER.slice(1), 'demo', '42')] }), {}],
		[
			'privilege_over',
			of({
				services: [service(1, [[1, 60], ...PUBLISHER.slice(1)], 'demo', '42')],
				issued: now - 390,
			}),
			{},
		],
		[
			'no_privilege',
			of({
				services: [
					service(1, PUBLISHER, 'demo', '1'),
					service(1, PUBLISHER.slice(1), 'demo', '2'),
				],
			}),
			{ channel: 'demo', uid: '2' },
		],
		['not_verified', good, {}],
		...[{}, { uid: '42' }, { channel: 'demo' }].map((client) => [
			'unknown_service',
			of({ services: [service(77, []), service(1, PUBLISHER, 'demo', '42')] }),
			client,
			[': type 77'],
		]),
		['issued_in_future', of({ issued: now + 330 }), {}],
		[
			'publish_over',
			of({
				services: [
					service(
						1,
						[
							[1, 0],
							[2, 0],
							[3, 60],
							[4, 0],
						],
						'demo',
						'42',
					),
				],
				issued: now - 390,
			}),
			{},
		],
		[
			'publish_partly',
			of({ services: [service(1, PUBLISHER.slice(0, 2), 'demo', '42')] }),
			{},
			[': publishVideoStream and publishDataStream'],
		],
		[
			'no_rtc',
			of({ services: [service(6, PUBLISHER.slice(0, 2), 'demo', '42')] }),
			{ channel: 'demo' },
			[': it is for FCDN'],
		],
		['subscriber_only', of({ services: [service(1, [[1, 0]], 'demo', '42')] }), {}],
		['uid_or_account', good, { account: '42' }],
		[
			'console_token',
			of({ services: [service(1, PUBLISHER, 'demo', '')], expire: 86400 }),
			{ uid: '7' },
		],
	]
}

/* Pages */

let browser

/* A page with what went wrong in it: errors, warnings and breaches of the policy for its content. */
async function open(url, options = {}) {
	const context = await browser.newContext(options)
	const page = await context.newPage()
	const wrong = []

	page.setDefaultTimeout(15000)
	await page.addInitScript(() =>
		addEventListener('securitypolicyviolation', (event) =>
			console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`),
		),
	)
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type()))
			wrong.push(`${message.text()} ${message.location().url}`)
	})
	page.on('pageerror', (error) => wrong.push(String(error)))
	/* A navigation ends what is still being fetched for the page before. */
	page.on(
		'requestfailed',
		(request) =>
			request.failure().errorText === 'net::ERR_ABORTED' ||
			wrong.push(`${request.url()}: ${request.failure().errorText}`),
	)
	page.on('response', noteOfPage)
	if (url !== undefined) await page.goto(url)
	return { page, wrong, context }
}

/* Requests that are meant to be refused are told of by the browser; nothing else may be. */
function clean(what, { wrong }, meant = []) {
	same(
		what,
		wrong.filter((line) => !meant.some((word) => line.includes(word))),
		[],
	)
}

const text = (page, selector) => page.locator(selector).first().innerText()

async function shown(page) {
	return page.locator('.problems li').evaluateAll((items) =>
		items.map((item) => ({
			code: item.querySelector('code').textContent,
			problem: item.querySelector('.words').textContent,
			fix: item.querySelectorAll('p')[1].textContent.replace(/^Fix: /, ''),
		})),
	)
}

const bare = ({ problems }) => problems.map(({ code, problem, fix }) => ({ code, problem, fix }))

async function typeClient(page, client) {
	await page.fill('#its-channel', client.channel ?? '')
	await page.fill('#its-app', client.appId ?? '')
	await page.fill('#its-user', client.uid ?? client.account ?? '')
	await page.check(`[name=joins][value=${client.account === undefined ? 'uid' : 'account'}]`)
}

/* Tests */

async function headersOfThePage({ url }) {
	const page = await fetch(`${url}/console/`)
	const policy = page.headers.get('content-security-policy')
	const again = await fetch(`${url}/console/`, {
		headers: { 'If-None-Match': page.headers.get('etag') },
	})

	for (const word of [
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
	])
		check(`the page's policy says ${word}`, policy.split('; ').includes(word), policy)
	check('nothing inline is allowed', !policy.includes('unsafe'))
	same('an ETag is known again', again.status, 304)
	for (const [name, type] of [
		['', 'text/html'],
		['console.js', 'text/javascript'],
		['console.css', 'text/css'],
		['api.html', 'text/html'],
		['icon.svg', 'image/svg+xml'],
	]) {
		const answer = await fetch(`${url}/console/${name}`)

		same(`type of ${name}`, answer.headers.get('content-type').split(';')[0], type)
		same(`nosniff of ${name}`, answer.headers.get('x-content-type-options'), 'nosniff')
		await answer.arrayBuffer()
	}
	check('the page is at most 12 KiB', (await page.arrayBuffer()).byteLength <= 12288)
	const reference = await open(`${url}/console/api.html`)

	check('the reference has headings', (await reference.page.locator('h2').count()) > 0)
	clean('the reference: nothing wrong', reference)
	await reference.context.close()
	const moved = await fetch(`${url}/console`, { redirect: 'manual' })

	same(
		'the address without a slash',
		[moved.status, moved.headers.get('location')],
		[301, '/console/'],
	)
	same('what is not there', (await fetch(`${url}/console/none`)).status, 404)
}

/* The tab key comes to each control in their order, and each shows that it has the focus. */
async function everyControlByTab(page, tab) {
	await page.click(`[role=tab]:text("${tab}")`)
	await page.waitForLoadState('networkidle')
	const count = await page.evaluate(() => {
		const controls = [
			...document.querySelectorAll(
				'a, button, input, select, textarea, summary, [tabindex="0"]',
			),
		].filter(
			(node) =>
				node.checkVisibility() &&
				node.tabIndex >= 0 &&
				(node.type !== 'radio' || node.checked),
		)

		controls.forEach((node, at) => {
			node.dataset.order = at
		})
		document.activeElement.blur()
		scrollTo(0, 0)
		return controls.length
	})
	const seen = []

	await page.focus('#credential')
	await page.keyboard.press('Shift+Tab')
	for (let i = 0; i < count; i++) {
		await page.keyboard.press('Tab')
		seen.push(
			await page.evaluate(() => {
				const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
				const order = Number(document.activeElement.dataset.order)

				return outlineStyle === 'none' || outlineWidth === '0px'
					? `${order} without a mark`
					: order
			}),
		)
	}
	same(
		`controls of ${tab} by Tab`,
		seen,
		Array.from({ length: count }, (_, at) => at),
	)
	check(`there are some in ${tab}`, count >= 6, count)
}

async function tabsByKeyboard({ url }) {
	const view = await open(`${url}/console/`)
	const { page } = view
	const selected = () => page.locator('[role=tab][aria-selected=true]').innerText()

	await page.focus('#tab-issue')
	for (const [key, tab] of [
		['ArrowRight', 'Inspect'],
		['ArrowRight', 'Services'],
		['ArrowRight', 'Status'],
		['ArrowRight', 'Issue'],
		['ArrowLeft', 'Status'],
		['Home', 'Issue'],
		['End', 'Status'],
	]) {
		await page.keyboard.press(key)
		same(`tab after ${key}`, await selected(), tab)
		same(`one panel after ${key}`, await page.locator('[role=tabpanel]:visible').count(), 1)
		same(
			`focus after ${key}`,
			await page.evaluate(() => document.activeElement.textContent),
			tab,
		)
	}
	await page.goto(`${url}/console/#inspect`)
	await page.reload()
	same('the tab that the address names', await selected(), 'Inspect')
	for (const tab of ['Issue', 'Inspect', 'Services', 'Status']) await everyControlByTab(page, tab)
	clean('tabs: nothing wrong', view)
	await view.context.close()
}

async function issuing({ url }) {
	const view = await open(`${url}/console/`, {
		permissions: ['clipboard-read', 'clipboard-write'],
	})
	const { page } = view

	await until('open mode', async () => (await text(page, '#who')).startsWith('OPEN'))
	await page.fill('#channel', 'caf\u00e9 1')
	same('bytes of the channel', await text(page, '#channel-count'), '7/64 bytes')
	same('the character that is marked', await text(page, '#channel-marks mark'), '\u00e9')
	check('its byte is named', (await text(page, '#channel-marks')).includes('byte 4 is 0xc3'))
	await page.fill('#uid', '42')
	await page.click('#issue-form button.primary')
	const said = await until('the error', () => text(page, '#issue-error'))

	check(
		'the service says the same of it',
		said.includes('byte 4 is 0xc3, which Agora does not allow in a channel or account name'),
		said,
	)
	same('the field is marked', await page.getAttribute('#channel', 'aria-invalid'), 'true')
	same('and has the focus', await page.evaluate(() => document.activeElement.id), 'channel')
	await page.fill('#channel', `${'x'.repeat(64)}y`)
	same('too many bytes', await page.getAttribute('#channel-count', 'class'), 'count over')

	await page.fill('#channel', 'it~s room')
	await page.check('[name=role][value=publisher]')
	await page.fill('#expire', '600')
	await page.focus('#uid')
	await page.keyboard.press('Enter')
	await page.waitForSelector('#issue-result .token')
	const token = await text(page, '#issue-result .token')
	const sheet = await inspectByCommand(token, { channel: 'it~s room', uid: '42' })

	same(
		'what the token says',
		[
			sheet.services[0].channelName,
			sheet.services[0].uid,
			sheet.services[0].privileges.length,
			sheet.expire,
		],
		['it~s room', '42', 4, 600],
	)
	check(
		'the countdown',
		/^(10 min|9 min 5\d s) left$/.test(await text(page, '#issue-result .badge')),
		await text(page, '#issue-result'),
	)
	check('who allowed it', (await text(page, '#issue-result')).includes('the service is open'))
	await page.click('#issue-result button:text("Copy")')
	same('what was copied', await page.evaluate(() => navigator.clipboard.readText()), token)

	await page.click('button:text("Inspect it")')
	await page.waitForSelector('#inspect-result .badge:text("App ID is this server\'s")')
	same(
		'the tab that shows it',
		await page.locator('[role=tab][aria-selected=true]').innerText(),
		'Inspect',
	)
	await page.click('#tab-issue')

	const [curl, line] = await page.locator('#issue-commands pre').allInnerTexts()
	const byCurl = await answerTo(curl)

	same(
		'the curl gives the same',
		(await inspectByCommand(byCurl.token, {})).services,
		sheet.services,
	)
	const made = await run(
		'sh',
		['-c', line.replace('agora-token', `"${TOKEN}"`).replace('--env-file .env ', '')],
		'',
		{ APP_ID, APP_CERTIFICATE: CERTIFICATE },
	)

	same(
		'the command line gives the same',
		(await inspectByCommand(made.stdout, {})).services,
		sheet.services,
	)

	for (const [kind, fields] of [
		['rtm', { uid: 'ann' }],
		['chat', {}],
		['apaas', { uid: 'ann', room: 'r1', 'room-role': '2' }],
		['fpa', {}],
		['streaming', { channel: 'lobby', uid: '7' }],
		['fcdn', { channel: 'lobby', uid: '7' }],
		[
			'rtm2',
			{
				uid: 'ann',
				permissions: '[{"resource":"users","permission":"read","resources":["bob"]}]',
			},
		],
		['convoai', { channel: 'lobby', uid: '7' }],
		['stt', { channel: 'lobby', uid: '7', rtmUid: '8' }],
	]) {
		await page.reload()
		await page.selectOption('#tokenType', kind)
		for (const [id, value] of Object.entries(fields)) await page.fill(`#${id}`, value)
		await page.click('#issue-form button.primary')
		await until(
			`a token of kind ${kind}`,
			async () =>
				(await page.locator('#issue-result .token').count()) +
				(await text(page, '#issue-error')).length,
		)
		same(`error of ${kind}`, await text(page, '#issue-error'), '')
		const [, command] = await page.locator('#issue-commands pre').allInnerTexts()
		const by = await run(
			'sh',
			['-c', command.replace('agora-token', `"${TOKEN}"`).replace('--env-file .env ', '')],
			'',
			{ APP_ID, APP_CERTIFICATE: CERTIFICATE },
		)
		const its = by.stdout.startsWith('{') ? JSON.parse(by.stdout).token : by.stdout

		same(
			`the command line for ${kind}`,
			(await inspectByCommand(its, {})).services,
			(await inspectByCommand(await text(page, '#issue-result .token'), {})).services,
		)
	}

	await page.reload()
	await page.check('[name=uidKind][value=string]')
	await page.fill('#uid', '42')
	check(
		'digits as a string are warned of',
		(await text(page, '#uid-note')).startsWith(
			'a token cannot tell the string account from the number 42',
		),
	)
	await page.check('[name=uidKind][value=number]')
	await page.fill('#uid', '4294967296')
	await page.fill('#channel', 'lobby')
	await page.click('#issue-form button.primary')
	check(
		'a number that is too large',
		(await text(page, '#issue-error')).startsWith(
			'uid: must be a whole number, 0 to 4294967295',
		),
	)
	clean('issue: nothing wrong', view, ['status of 400'])
	await view.context.close()
}

/* Every problem, typed into the page, beside the command line and the endpoint. */
async function problemsInTheSameWords({ url }) {
	const view = await open(`${url}/console/#inspect`)
	const { page } = view
	const source = fs.readFileSync(path.join(TOP, 'common/tokens/inspect.c'), 'utf8')
	const codes = [
		...source.match(/ rows\[\] = \{\n(.*?)\n\};/s)[1].matchAll(/^\t\{ "(\w+)"/gm),
	].map((m) => m[1])
	const seen = new Set()

	check('the table of problems can be read', codes.length > 30)
	for (const [code, token, client, words = []] of mistakes(Math.floor(Date.now() / 1000))) {
		const shape = (list) =>
			list.map((p) => ({
				...p,
				problem: p.problem.replace(/\d+ (seconds?|minutes?) (ago|from)/, 'N $1 $2'),
			}))
		const where = `${code} ${JSON.stringify(client)}`

		await typeClient(page, client)
		await page.fill('#token', '')
		/* A text area makes its own line ends of these. */
		await page.fill('#token', token.replace('\r\n', '\n'))
		await page.waitForSelector('#inspect-result .badge:text("decoded in this browser")')
		const here = await shown(page)

		same(
			`${where}: the page and the command line`,
			shape(here),
			shape(bare(await inspectByCommand(token.replace('\r\n', '\n'), client))),
		)
		check(
			`${where}: it is found`,
			here.some((p) => p.code === code),
			here,
		)
		check(
			`${where}: its words`,
			words.every((w) => here.some((p) => p.problem.includes(w))),
			here,
		)
		here.forEach((p) => seen.add(p.code))

		await page.click('#inspect-form button.primary')
		await page.waitForSelector('#inspect-result .badge:text("verified on the server")')
		const body = { token: token.replace('\r\n', '\n'), ...client }
		const there = await (
			await fetch(`${url}/token/inspect`, { method: 'POST', body: JSON.stringify(body) })
		).json()

		same(`${where}: the page and the endpoint`, shape(await shown(page)), shape(bare(there)))
	}
	/* The certificates are the server's. */
	same(
		'every problem is shown',
		codes.filter((code) => !seen.has(code)),
		['certificate_exposed', 'secondary_certificate'],
	)
	clean('inspect: nothing wrong', view)
	await view.context.close()
}

async function decodingAsInC({ url }) {
	const view = await open(`${url}/console/`)
	const { page } = view
	const vectors = JSON.parse(
		fs.readFileSync(path.join(TOP, 'tests/vectors/accesstoken2.json'), 'utf8'),
	)
	const now = Math.floor(Date.now() / 1000)
	const cases = []
	const add = (name, token, client = {}, at = now) => cases.push({ name, token, client, at })

	for (const v of [...vectors.positive, ...vectors.v006, ...vectors.negative]) {
		const s = v.decoded?.services?.[0] ?? {}
		const its = {
			channel: s.channel_name ?? v.inputs?.channel_name ?? 'demo',
			uid: String(s.uid ?? v.inputs?.uid ?? '42'),
		}

		add(v.name, v.token)
		add(`${v.name} in time`, v.token, {}, v.now ?? (v.decoded?.issue_ts ?? 1735689600) + 5)
		add(`${v.name} for its client`, v.token, its, (v.decoded?.issue_ts ?? 1735689600) + 5)
		add(`${v.name} for another`, v.token, { channel: 'x', account: 'y' })
	}
	for (const [code, token, client] of mistakes(now)) add(code, token, client)
	/* Names as nobody should give them, and all that a token can hold. */
	const odd = content({
		issued: now,
		services: [
			service(
				1,
				[
					[1, 60],
					[9, 0],
					[65535, 4294967295],
				],
				Buffer.from([0x61, 0xff, 0xc3, 0x28]),
				'a\0b',
			),
			service(2, [[1, 5]], '\u00e9\u{1f600}\x7f\x85"\\'),
			service(3, [], '', ''),
			service(4, [[1, 0]]),
			Buffer.concat([service(7, [[1, 0]], 'room', 'u'), u16(65534)]),
			Buffer.concat([
				service(8, [[1, 0]], 'me'),
				u16(2),
				u16(0),
				u16(1),
				u16(1),
				u16(2),
				string('a'),
				string(Buffer.from([0xfe])),
				u16(4),
				u16(0),
			]),
			service(10, []),
		],
	})

	add('odd names', pack(odd))
	add('odd names for a client', pack(odd), { channel: 'a\ufffd', uid: 'a' })
	add(
		'an unknown service',
		pack(
			content({
				issued: now,
				services: [service(1, PUBLISHER, 'demo', '1'), service(77, [])],
			}),
		),
	)
	for (let i = 0; i < odd.length; i += 3) add(`cut at ${i}`, pack(odd.subarray(0, i)))
	let agreed = 0
	const one = async ({ name, token, client, at }) => {
		/* The command line takes line ends at the end for the file's. */
		const input = token.replace(/[\r\n]+$/, '')
		const wanted = await inspectByCommand(input, client, at)
		const got = await page.evaluate(
			async ([t, c, n]) => (await import('./console.js')).inspect(t, c, n),
			[input, client, at],
		)

		if (isDeepStrictEqual(got, wanted)) agreed++
		else
			check(
				`decoding of ${name}`,
				false,
				`${JSON.stringify(got)}, and in C ${JSON.stringify(wanted)}`,
			)
	}

	for (let i = 0; i < cases.length; i += 4) await Promise.all(cases.slice(i, i + 4).map(one))
	same('decoded as in C', agreed, cases.length)
	check('of all vectors', cases.length > 200, cases.length)
	/* It takes as long as the text is: the square of that would be minutes. */
	for (const [what, text] of [
		['blanks', `007 ${' '.repeat(60000)}x`],
		['quotes', `a${'"'.repeat(60000)}x`],
		['both', `${'" '.repeat(30000)}x`],
	]) {
		const took = await page.evaluate(async (t) => {
			const { inspect } = await import('./console.js')
			const began = performance.now()

			await inspect(t)
			return performance.now() - began
		}, text)

		check(`many ${what} are looked through in little time`, took < 3000, `${took} ms`)
	}
	clean('decoding: nothing wrong', view)
	await view.context.close()
}

async function offline({ url }) {
	const view = await open(`${url}/console/#inspect`)
	const { page } = view

	await view.context.setOffline(true)
	await page.fill('#token', pack(content({ issued: Math.floor(Date.now() / 1000) })))
	await page.waitForSelector('#inspect-result .badge:text("decoded in this browser")')
	same('decoded without a network', await text(page, '.service h4'), 'RTC')
	check(
		'the time that is left',
		/5\d min \d+ s left|1 h left/.test(await text(page, '.service td:nth-of-type(2)')),
		await text(page, '.service'),
	)
	same('bars', await page.locator('.service svg[role=img]').count(), 4)
	await page.click('#inspect-form button.primary')
	same(
		'the server cannot be asked',
		await until('the error', () => text(page, '#inspect-error')),
		'The service cannot be reached.',
	)
	clean('offline: nothing wrong', view, ['ERR_INTERNET_DISCONNECTED'])
	await view.context.close()
}

async function withAPolicy({ url, key }) {
	const view = await open(`${url}/console/`)
	const { page } = view
	const stored = () =>
		page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length])

	await until('the mode', async () => (await text(page, '#who')).startsWith('Sign in'))
	await page.fill('#channel', 'class-7')
	await page.fill('#uid', '42')
	await page.click('#issue-form button.primary')
	check(
		'without credentials',
		(await until('the error', () => text(page, '#issue-error'))).includes('401'),
	)
	await page.fill('#credential', `${key}x`)
	await page.click('#sign-in button')
	check(
		'with wrong ones',
		(
			await until(
				'the refusal',
				async () => /401/.test(await text(page, '#who')) && text(page, '#who'),
			)
		).includes('unauthenticated'),
	)
	await page.fill('#credential', key)
	await page.keyboard.press('Enter')
	await until('the caller', async () => (await text(page, '#who')).startsWith('web (apikey)'))
	check(
		'the grants',
		(await text(page, '#who')).includes('grants: lessons'),
		await text(page, '#who'),
	)
	check('the longest lifetime', (await text(page, '#expire-note')).includes('at most 30 min'))
	await page.click('#issue-form button.primary')
	await page.waitForSelector('#issue-result .token')
	check(
		'the grant that allowed it',
		(await text(page, '#issue-result')).includes('allowed by the grant lessons'),
		await text(page, '#issue-result'),
	)
	check(
		'what was cut',
		(await text(page, '#issue-result')).includes('cut to what is allowed: expire'),
	)
	const [curl] = await page.locator('#issue-commands pre').allInnerTexts()

	check(
		'the key is in no command',
		!curl.includes(key) && curl.includes('"Authorization: Bearer $KEY"'),
		curl,
	)
	same('the curl works', (await answerTo(curl, { KEY: key })).grant, 'lessons')
	await page.fill('#channel', 'staff')
	await page.click('#issue-form button.primary')
	const refusal = await until('the refusal', () => text(page, '#issue-error'))

	check(
		'another channel',
		refusal.includes('403') && refusal.includes('dimension channel'),
		refusal,
	)
	same('nothing is stored', await stored(), ['', 0, 0])
	await page.reload()
	await until('the mode', async () => (await text(page, '#who')).startsWith('Sign in'))
	same('a new page knows no key', await page.inputValue('#credential'), '')
	clean('policy: nothing wrong', view, ['status of 401', 'status of 403'])
	await view.context.close()
}

/* A token is verified by the certificate of the project that it is of, and no other. */
async function verifying({ url, key }) {
	const view = await open(`${url}/console/`)
	const { page } = view
	const signIn = async () => {
		await page.fill('#credential', key)
		await page.keyboard.press('Enter')
		await until('the caller', async () =>
			(await text(page, '#who')).startsWith('web (apikey)'),
		)
	}
	const verified = async () => {
		await page.click('#inspect-form button.primary')
		await page.waitForSelector('#inspect-result .badge:text("verified on the server")')
		return [(await text(page, '#inspect-verdict')).split(':')[0], await shown(page)]
	}

	await signIn()
	await page.fill('#channel', 'class-7')
	await page.fill('#uid', '42')
	await page.check('[name=role][value=publisher]')
	await page.fill('#project', 'two')
	same(
		'agora-token has no other projects',
		await page.locator('#issue-commands h4').allInnerTexts(),
		['curl'],
	)
	await page.click('#issue-form button.primary')
	await page.waitForSelector('#issue-result .token')
	const token = await text(page, '#issue-result .token')

	same('the project that issued', (await inspectByCommand(token, {})).appId, OTHER_ID)
	await page.click('button:text("Inspect it")')
	await page.fill('#its-channel', 'class-7')
	await page.fill('#its-user', '42')
	same('of project two', await verified(), ['Valid', []])
	await page.reload()
	await page.click('#tab-inspect')
	await signIn()
	await page.fill('#token', token)
	same('on a page that knows no projects of tokens', await verified(), ['Valid', []])

	for (const [whose, appId, certificate] of [
		["the settings'", APP_ID, CERTIFICATE],
		["project two's", OTHER_ID, OTHER_CERTIFICATE],
	]) {
		const signed = async (by) =>
			(
				await run(TOKEN, ['issue', '--channel=class-7', '--uid=42', '--role=publisher'], '', {
					APP_ID: appId,
					APP_CERTIFICATE: by,
				})
			).stdout.trim()

		await page.fill('#token', await signed(certificate))
		same(`by ${whose} certificate`, await verified(), ['Valid', []])
		await page.fill('#token', await signed('0'.repeat(32)))
		const [verdict, problems] = await verified()

		same(
			`by another than ${whose}`,
			[verdict, problems.map((p) => [p.code, p.problem])],
			[
				'Not valid',
				[
					[
						'bad_signature',
						'the token was made with another App Certificate, or changed since',
					],
				],
			],
		)
	}
	clean('verifying: nothing wrong', view, ['status of 401'])
	await view.context.close()
}

/*
 * A site whose web server knows who asks: its own copy of nginx/ and conf/nginx, with these lines
 * at the ends of files.
 */
async function siteWithLogin(lines, settings) {
	const where = directory()

	for (const part of ['nginx', 'conf/nginx'])
		fs.cpSync(path.join(TOP, part), path.join(where, part), { recursive: true })
	fs.symlinkSync(path.join(TOP, 'build'), path.join(where, 'build'))
	fs.mkdirSync(path.join(where, 'build-aux'))
	fs.writeFileSync(path.join(where, 'build-aux/build'), '#!/bin/sh\n', { mode: 0o755 })
	for (const [name, text] of Object.entries(lines))
		fs.appendFileSync(path.join(where, 'conf/nginx', name), text)
	fs.writeFileSync(
		path.join(where, 'agora.env'),
		[
			`APP_ID=${APP_ID}`,
			`APP_CERTIFICATE=${CERTIFICATE}`,
			`POLICY_FILE=${TOP}/conf/policies/auth_request.json`,
			...settings,
			'',
		].join('\n'),
		{ mode: 0o600 },
	)
	return serve(['--env-file', path.join(where, 'agora.env')], where)
}

/* A login that knows a cookie, and an nginx that asks it as conf/nginx/auth_request.conf does. */
async function siteWithCookies() {
	const users = []
	const login = http.createServer((request, answer) => {
		const isKnown = /session=ann/.test(request.headers.cookie ?? '')

		users.push(isKnown ? 'ann' : '')
		answer
			.writeHead(isKnown || request.headers['x-original-uri'] === '/ping' ? 200 : 401, {
				'X-Auth-Request-User': isKnown ? 'ann' : '',
			})
			.end()
	})

	await new Promise((go) => login.listen(0, '127.0.0.1', go))
	login.unref()
	const conf = fs
		.readFileSync(path.join(TOP, 'conf/nginx/auth_request.conf'), 'utf8')
		.replace('http://127.0.0.1:4180/oauth2/auth', `http://127.0.0.1:${login.address().port}/`)

	const site = await siteWithLogin(
		{
			'agora-server.conf': conf,
			'agora-location.conf': 'include agora/auth_request_location.conf;\n',
		},
		['CORS_ALLOW_ORIGIN=*'],
	)

	return { ...site, users }
}

const siteWithBasicAuth = () =>
	siteWithLogin(
		{
			'agora-server.conf':
				'auth_basic agora;\nauth_basic_user_file agora/users.conf;\n' +
				'location = /ping { auth_basic off; include agora/agora-location.conf; fastcgi_pass agora; }\n',
			'agora-location.conf':
				'fastcgi_param REMOTE_USER $remote_user;\nerror_page 401 /.agora-error;\n',
			'users.conf': 'ann:{PLAIN}lemon\n',
		},
		[],
	)

async function knownToTheWebServer(_, __, { allowed }) {
	for (const [name, site, options, login] of [
		[
			'basic auth',
			await siteWithBasicAuth(),
			{ httpCredentials: { username: 'ann', password: 'lemon' } },
			'-u ann:lemon',
		],
		['a cookie', await siteWithCookies(), {}, '-b session=ann'],
	]) {
		const view = await open(undefined, options)
		const { page } = view

		if (name === 'a cookie')
			await view.context.addCookies([{ name: 'session', value: 'ann', url: site.url }])
		await page.goto(`${site.url}/console/`)
		await until(`${name}: nobody`, async () =>
			(await text(page, '#who')).startsWith('Sign in with'),
		)
		await page.fill('#channel', 'lobby')
		await page.click('#issue-form button.primary')
		check(
			`${name}: nothing is shown to the web server unasked`,
			(await until('the error', () => text(page, '#issue-error'))).includes('401'),
		)
		await page.click('#sign-in summary')
		await page.click('#sign-in-known')
		await until(`${name}: the caller`, async () =>
			(await text(page, '#who')).startsWith('site (frontend), subject ann; grants: member'),
		)
		await page.click('#issue-form button.primary')
		await page.waitForSelector('#issue-result .token')
		check(
			`${name}: a token`,
			(await text(page, '#issue-result')).includes('allowed by the grant member'),
			await text(page, '#issue-result'),
		)
		const [curl] = await page.locator('#issue-commands pre').allInnerTexts()

		check(`${name}: no login in the command`, curl.startsWith('curl $LOGIN -d '), curl)
		same(
			`${name}: the command`,
			(await answerTo(curl, { LOGIN: login })).grant,
			'member',
		)
		/* A wrong key, and nobody is known any more. */
		await page.fill('#credential', 'none')
		await page.click('#sign-in button')
		await until(`${name}: signed out`, async () => /401/.test(await text(page, '#who')))
		await page.click('#sign-in summary')
		await page.click('#sign-in-known')
		await until(`${name}: the caller once more`, async () =>
			(await text(page, '#who')).startsWith('site (frontend)'),
		)
		same(`${name}: the key is forgotten`, await page.inputValue('#credential'), '')
		await page.route('**/getToken', (route) =>
			route.fulfill({ status: 302, headers: { Location: 'https://login.example/' } }),
		)
		await page.click('#issue-form button.primary')
		check(
			`${name}: sent to the login`,
			(await until('the error', () => text(page, '#issue-error'))).includes('its login'),
		)
		clean(`${name}: nothing wrong`, view, ['status of 401'])

		/* Another page of this browser, which asks in her name. */
		const other = await view.context.newPage()
		const statuses = []

		other.on('response', (response) => {
			if (response.url().startsWith(site.url)) statuses.push(response.status())
		})
		await other.goto(allowed)
		await other.evaluate(
			(target) =>
				fetch(`${target}/getToken`, {
					method: 'POST',
					mode: 'no-cors',
					credentials: 'include',
					body: '{"tokenType":"rtc","channel":"lobby"}',
				}),
			site.url,
		)
		await until('the refusal', () => statuses.length > 0)
		/* With CORS_ALLOW_ORIGIN=* it may ask, and comes with her cookie, but is not taken for her. */
		same(
			`${name}: another page`,
			[statuses.at(-1), site.users?.at(-1)],
			site.users === undefined ? [403, undefined] : [401, 'ann'],
		)
		await view.context.close()
	}
}

/* The service goes, and comes back. */
async function unreachable({ url }) {
	const view = await open()
	const { page } = view
	const gone = (route) => route.abort()
	const badges = () => text(page, '#issue-result .badges')

	await page.route('**/readyz*', gone)
	await page.goto(`${url}/console/`)
	await until('the error', async () =>
		(await text(page, '#who')).startsWith('The service cannot be reached'),
	)
	await page.fill('#channel', 'lobby')
	await page.fill('#uid', '42')
	await page.click('#issue-form button.primary')
	await page.waitForSelector('#issue-result .token')
	check(
		'what is not known is not said',
		(await badges()).includes('the service cannot be reached') &&
			!/policy|open/.test(await badges()),
		await badges(),
	)
	await page.unroute('**/readyz*')
	await page.click('#issue-form button.primary')
	await until('the mode', async () => (await text(page, '#who')).startsWith('OPEN'))
	await until('the badge', async () => (await badges()).includes('the service is open'))
	await page.route('**/getToken', gone)
	await page.click('#issue-form button.primary')
	same(
		'no token',
		[
			await until('the error', () => text(page, '#issue-error')),
			await page.locator('#issue-result').isVisible(),
			await page.evaluate(() => document.activeElement.textContent),
		],
		['The service cannot be reached.', false, 'Issue'],
	)
	await page.click('#tab-status')
	await until('the status', () => text(page, '#status-said'))
	await page.route('**/readyz*', gone)
	await page.click('#status-again')
	same(
		'no status',
		[
			await until('the error', () => text(page, '#status-error')),
			await text(page, '#status-result'),
		],
		['The service cannot be reached.', ''],
	)
	await page.unroute('**/readyz*')
	/* It is not ready: that is not to be away. */
	await page.route('**/readyz*', (route) =>
		route.fulfill({
			status: 503,
			json: { status: 'not ready', mode: 'log', checks: [{ name: 'clock', status: 'bad' }] },
		}),
	)
	await page.reload()
	await until('the mode', async () =>
		(await text(page, '#who')).startsWith('Sign in with what the API takes; the policy'),
	)
	clean('unreachable: nothing else wrong', view, ['ERR_FAILED', 'status of 503'])
	await view.context.close()
}

/* Each service from its start to its end, by the form and by the buttons of what was started. */
async function services({ url }) {
	const view = await open(`${url}/console/#services`)
	const { page } = view
	const answer = async () => JSON.parse(await text(page, '#service-result pre'))
	const send = async () => {
		await page.click('#service-send')
		if ((await page.inputValue('#action')) === 'start') await page.click('#confirm-yes')
		await until(
			'the answer',
			async () =>
				(await page.locator('#service-result pre:visible').count()) +
				(await text(page, '#service-error')).length,
		)
	}
	const job = page.locator('.jobs tbody tr').first()
	const press = async (label) => {
		await page.evaluate(() => document.querySelector('#service-result').replaceChildren())
		await job.getByRole('button', { name: label, exact: true }).click()
	}

	for (const [service, fields, ids, update] of [
		[
			'recording',
			{ channelName: 'lobby' },
			['uid', 'resourceId', 'sid'],
			{
				recordingConfig:
					'{"streamSubscribe":{"audioUidList":{"subscribeAudioUids":["#allstream#"]}}}',
			},
		],
		[
			'rtt',
			{ channelName: 'lobby', languages: 'en-US, de-DE' },
			['taskId'],
			{ languages: 'en-US' },
		],
		[
			'push',
			{
				rtcChannel: 'lobby',
				streamUrl: 'rtmp://live.example/app',
				streamKey: 'k3y',
				rtcStreamUid: '42',
			},
			['converterId', 'region'],
			{ streamUrl: 'rtmp://other.example/app', streamKey: 'k3y' },
		],
		[
			'pull',
			{ channelName: 'lobby', streamUrl: 'rtmp://live.example/app/show' },
			['playerId', 'region'],
			{ audioOptions: '{"volume":50}' },
		],
	]) {
		await page.selectOption('#service', service)
		await page.click('#service-form button.primary')
		const missing = await until(`the error of ${service}`, () => text(page, '#service-error'))

		check(
			`${service}: what is missing is named`,
			/^\w+: is required$/.test(missing),
			missing,
		)
		check(
			`${service}: and marked`,
			(await page.locator('#service-fields [aria-invalid=true]').count()) === 1,
		)
		for (const [name, value] of Object.entries(fields))
			await page.fill(`#service-${name}`, value)
		if (service === 'recording') {
			await page.fill('#service-recordingConfig', '{')
			await page.click('#service-form button.primary')
			same(
				'what is no JSON',
				await until(
					'the error',
					async () =>
						(await text(page, '#service-error')).includes('JSON') &&
						text(page, '#service-error'),
				),
				'recordingConfig: must be JSON',
			)
			await page.fill('#service-recordingConfig', '')
		}
		const curl = await text(page, '#service-commands pre')

		check(
			`${service}: the command, without a secret`,
			curl.startsWith("curl -d '{") && curl.includes('/start') && !curl.includes('k3y'),
			curl,
		)
		await send()
		same(`${service}: no error`, await text(page, '#service-error'), '')
		const shownIds = await job.innerText()

		for (const id of ids)
			check(`${service}: ${id} is in view`, new RegExp(`${id} \\S+`).test(shownIds), shownIds)
		await press('Query')
		await until(`the query of ${service}`, () => page.locator('#service-result pre').count())
		check(
			`${service}: it was asked`,
			!/started/.test(await job.innerText()),
			await job.innerText(),
		)
		await press('Update')
		for (const [name, value] of Object.entries(update))
			await page.fill(`#service-${name}`, value)
		await send()
		same(
			`${service}: updated`,
			[await text(page, '#service-error'), (await job.innerText()).includes('updated')],
			['', true],
		)
		/* The command does the same from a shell. */
		await page.selectOption('#action', 'query')
		const again = await answerTo(await text(page, '#service-commands pre'))

		check(`${service}: the command of a query works`, !('error' in again), JSON.stringify(again))
		await press('Stop')
		await page.click('#confirm-yes')
		await until(`the stop of ${service}`, async () =>
			(await job.innerText()).includes('stopped'),
		)
		same(`${service}: stopped`, await text(page, '#service-error'), '')
		check(`${service}: an answer`, typeof (await answer()) === 'object')
		const started = await answerTo(curl, { STREAM_KEY: fields.streamKey })

		check(
			`${service}: the command of the start works`,
			!('error' in started),
			JSON.stringify(started),
		)
	}
	await page.focus('.jobs [data-job="0 query"]')
	await page.keyboard.press('Enter')
	await until('the answer', () => text(page, '#service-error'))
	same(
		'the button keeps the focus',
		await page.evaluate(() => document.activeElement.dataset.job),
		'0 query',
	)
	same('all that was started is in view', await page.locator('.jobs tbody tr').count(), 4)
	await press('Query')
	check(
		'what has ended is not found',
		(await until('the error', () => text(page, '#service-error'))).length > 0,
	)
	clean('services: nothing wrong', view, ['status of 400', 'status of 404', 'status of 409'])
	await view.context.close()
}

/* What costs is asked for once more, and Enter asks for nothing. */
async function confirming({ url }) {
	const view = await open(`${url}/console/#services`)
	const { page } = view
	const asked = []
	const focused = () => page.evaluate(() => document.activeElement.id)
	const isOpen = () => page.locator('#confirm[open]').count()

	page.on('request', (request) => {
		if (/\/(start|stop)$/.test(request.url())) asked.push(request.url())
	})
	await page.fill('#service-channelName', 'lobby')
	for (const id of ['service-channelName', 'service-uid', 'service-wait', 'service', 'action']) {
		await page.focus(`#${id}`)
		await page.keyboard.press('Enter')
		await page.keyboard.press('Escape')
	}
	same('Enter in a field asks for nothing', [await isOpen(), asked], [0, []])

	await page.click('#service-send')
	await page.waitForSelector('#confirm[open]')
	const words = await text(page, '#confirm')

	check(
		'what is to be started is named',
		words.includes('Start cloud recording?') && words.includes('lobby') && words.includes('mix'),
		words,
	)
	same('Cancel has the focus', await focused(), 'confirm-no')
	await page.keyboard.press('Enter')
	await until('that it is not started', () => text(page, '#service-said'))
	same(
		'Enter there starts nothing',
		[await isOpen(), asked, await text(page, '#service-said'), await focused()],
		[0, [], 'Nothing was started.', 'service-send'],
	)
	await page.keyboard.press('Enter')
	await page.waitForSelector('#confirm[open]')
	await page.keyboard.press('Escape')
	await until('that it is not started', async () => !(await isOpen()))
	same('Escape starts nothing', [await isOpen(), asked], [0, []])

	await page.selectOption('#service', 'push')
	for (const [name, value] of [
		['rtcChannel', 'lobby'],
		['streamUrl', 'rtmp://live.example/app/s3cret'],
		['streamKey', 'k3y'],
		['audioOptions', '{"bitrate":48}'],
	])
		await page.fill(`#service-${name}`, value)
	await page.click('#service-send')
	await page.waitForSelector('#confirm[open]')
	const shownOfPush = await page.locator('#confirm').evaluate((node) => node.outerHTML)

	check(
		'a push names its server and no key',
		shownOfPush.includes('live.example') && !/s3cret|k3y/.test(shownOfPush),
		shownOfPush,
	)
	await page.click('#confirm-no')

	await page.selectOption('#service', 'recording')
	await page.fill('#service-channelName', 'lobby')
	await page.dblclick('#service-send')
	await page.click('#confirm-yes')
	await page.waitForSelector('#service-result:visible')
	same('it is started once', asked.length, 1)
	const sid = (await text(page, '.jobs tbody tr')).match(/sid (\S+)/)[1]

	await page.fill('#service-channelName', 'lobby2')
	same(
		'its answer goes when the form changes',
		[await page.isVisible('#service-result'), await text(page, '#service-said')],
		[false, ''],
	)
	await page.click('.jobs [data-job="0 stop"]')
	await page.waitForSelector('#confirm[open]')
	check('what is to be stopped is named', (await text(page, '#confirm')).includes(sid))
	await page.click('#confirm-no')
	await until('that it runs on', async () => (await text(page, '#service-said')) === 'Nothing was stopped.')
	same('and it does', asked.length, 1)
	await page.click('.jobs [data-job="0 stop"]')
	await page.click('#confirm-yes')
	await until('the stop', async () => (await text(page, '.jobs tbody tr')).includes('stopped'))
	same('it is stopped once', asked.length, 2)
	/* A start whose outcome nobody knows: its ids are said. */
	await page.route('**/cloud_recording/start', (route) =>
		route.fulfill({
			status: 504,
			contentType: 'application/json',
			headers: { 'X-Stand-In': '1' },
			body: JSON.stringify({
				error: 'Nobody knows whether it runs',
				code: 'unknown_outcome',
				status: 504,
				requestId: '1',
				known: { cname: 'lobby', uid: '7', resourceId: 'r1' },
			}),
		}),
	)
	await page.selectOption('#action', 'start')
	await page.fill('#service-channelName', 'lobby')
	await page.click('#service-send')
	await page.click('#confirm-yes')
	check(
		'what may run is named',
		(await until('the error', () => text(page, '#service-error'))).endsWith(
			'What is known of it: cname lobby, uid 7, resourceId r1.',
		),
		await text(page, '#service-error'),
	)
	clean('confirming: nothing wrong', view, ['status of 504'])
	await view.context.close()
}

/* A token is labelled, and is there for the form that made it alone. */
async function oneForm({ url }) {
	const view = await open(`${url}/console/`)
	const { page } = view
	const issue = async () => {
		await page.click('#issue-form button.primary')
		await page.waitForSelector('#issue-result .token')
	}

	await page.fill('#channel', 'lobby')
	await page.fill('#uid', '42')
	await page.check('[name=role][value=publisher]')
	await issue()
	const label = (await text(page, '#issue-result dl')).replace(/\s+/g, ' ')

	check(
		'the token is labelled',
		/Kind RTC: voice and video Channel lobby User 42 Role publisher Good until 20\S+ \S+ UTC/.test(label),
		label,
	)
	for (const [what, change] of [
		['channel', () => page.fill('#channel', 'lobby2')],
		['uid', () => page.fill('#uid', '43')],
		['role', () => page.check('[name=role][value=subscriber]')],
		['kind of user', () => page.check('[name=uidKind][value=string]')],
		['lifetime', () => page.fill('#expire', '60')],
		['RTM user', () => page.fill('#rtmUid', 'ann')],
		['kind', () => page.selectOption('#tokenType', 'convoai')],
	]) {
		await issue()
		await change()
		same(
			`the token goes with another ${what}`,
			[await page.locator('#issue-result .token').count(), await text(page, '#issue-said')],
			[0, ''],
		)
	}
	for (const [id, button] of [['channel'], ['credential', '#sign-in button']]) {
		await page.route('**/getToken', async (route) => {
			await page.fill(`#${id}`, 'another')
			if (button) await page.click(button)
			await route.continue()
		})
		await page.click('#issue-form button.primary')
		check(
			`nor does it come when another ${id} is there meanwhile`,
			(await until('the error', () => text(page, '#issue-error'))).startsWith(
				'The form, or who is signed in, has changed',
			) && !(await page.isVisible('#issue-result')),
		)
		await page.unroute('**/getToken')
	}
	await page.reload()
	await until('open mode', async () => (await text(page, '#who')).startsWith('OPEN'))
	await page.fill('#channel', 'lobby')
	await page.fill('#uid', '0')
	await issue()
	check(
		'any user is called so',
		/User\s+any/.test(await text(page, '#issue-result dl')),
		await text(page, '#issue-result dl'),
	)
	await page.click('#sign-in button')
	await until('another caller', async () => !(await page.isVisible('#issue-result')))
	clean('oneForm: nothing wrong', view)
	await view.context.close()
}

/* What is said is on the screen of a phone. */
async function onAPhone({ url }) {
	const view = await open(`${url}/console/`, { viewport: { width: 360, height: 640 }, hasTouch: true })
	const { page } = view
	const onScreen = async (what, selector) => {
		await until(what, () => page.locator(`${selector}:visible`).count())
		const { top, bottom } = await page
			.locator(selector)
			.first()
			.evaluate((node) => node.getBoundingClientRect().toJSON())

		check(`${what} is on the screen`, top >= 0 && (bottom <= 640 || top < 320), `${top} to ${bottom}`)
	}

	await page.fill('#uid', '42')
	await page.click('#issue-form button.primary')
	await onScreen('the error of a field', '#issue-error:not(:empty)')
	await onScreen('and the field', '#channel')
	await page.fill('#channel', 'lobby')
	await page.click('#issue-form button.primary')
	await onScreen('the token', '#issue-result h3')
	await page.route('**/getToken', (route) => route.abort())
	await page.click('#issue-form button.primary')
	await onScreen('an error of no field', '#issue-error:not(:empty)')
	await page.unroute('**/getToken')
	await page.click('#issue-form button.primary')
	await page.click('button:text("Inspect it")')
	await onScreen('the verdict', '#inspect-verdict:not(:empty)')
	await page.click('#inspect-clear')
	await page.fill('#token', '007eJx')
	await onScreen('the verdict of what is typed', '#inspect-verdict:not(:empty)')
	await onScreen('and the field of the token', '#token')
	await page.click('#inspect-form button.primary')
	await until('the service', () => page.locator('#inspect-verdict:not(:empty)').count())
	await onScreen('the verdict of the server', '#inspect-verdict:not(:empty)')
	await page.click('#tab-services')
	await page.click('#service-send')
	await onScreen('what is missing', '#service-error:not(:empty)')
	await page.fill('#service-channelName', 'lobby')
	await page.click('#service-send')
	await onScreen('the question', '#confirm[open]')
	await page.click('#confirm-yes')
	await onScreen('that it is done', '#service-said:not(:empty)')
	await page.click('.jobs [data-job="0 stop"]')
	await page.click('#confirm-yes')
	await onScreen('that it is stopped', '#service-said:not(:empty)')
	clean('onAPhone: nothing wrong', view, ['net::ERR_FAILED', 'status of 400'])
	await view.context.close()
}

async function theAddressItself({ url }) {
	const view = await open(`${url}/`)

	check(
		'the address itself leads to the console',
		view.page.url().startsWith(`${url}/console/`),
		view.page.url(),
	)
	await view.context.close()
}

async function statusOfAll({ url, key }, demo) {
	await fetch(`${demo.url}/rtt/list`)
	for (const channel of ['staff', 'class-7'])
		await fetch(`${url}/getToken`, {
			method: 'POST',
			headers: { 'X-API-Key': key },
			body: JSON.stringify({ tokenType: 'rtc', channel, uid: 42 }),
		})
	const open1 = await open(`${demo.url}/console/#status`)

	await until('the status', () => text(open1.page, '#status-said'))
	const all = await text(open1.page, '#status-result')
	const served = await (await fetch(`${demo.url}/status`)).json()

	check(
		'open mode stands out',
		(await open1.page.locator('#status-result .badge.bad:text("OPEN")').count()) === 1,
		all,
	)
	for (const words of [
		'ready',
		`version ${served.version}`,
		"this browser's clock agrees",
		'Cloud recording: on',
		'65536 bytes',
		served.projects[0].appId,
		`certificate \u2026${served.projects[0].primary}`,
	])
		check(`the status says ${words}`, all.includes(words), all)
	check(
		'four characters and no more',
		/^[0-9a-f]{4}$/.test(served.projects[0].primary),
		served.projects,
	)
	check("Agora's clock", all.includes("Agora's clock agrees"), all)
	clean('status: nothing wrong', open1)
	await open1.context.close()

	const view = await open(`${url}/console/#status`)
	const { page } = view

	check(
		'without credentials',
		(await until('the error', () => text(page, '#status-error'))).includes('401'),
	)
	check(
		'what anyone may see',
		(await text(page, '#status-result')).includes('a policy says who may do what'),
	)
	await page.fill('#credential', key)
	await page.click('#sign-in button')
	await until('the caller', async () => (await text(page, '#who')).startsWith('web'))
	await page.click('#status-again')
	await until('the records', () => page.locator('.log tbody tr').count())
	const rows = await page.locator('.log tbody tr').allInnerTexts()

	check(
		'the refusal is recorded',
		rows.some((row) => /deny[^]*token\.issue[^]*staff/.test(row)),
		rows,
	)
	check(
		'the token is recorded',
		rows.some((row) => /allow[^]*token\.issue[^]*lessons[^]*class-7/.test(row)),
		rows,
	)
	check('and is not shown', !(await page.content()).includes('007eJ'))
	check(
		'who looks is not',
		!rows.some((row) => /allow[^]*status\.read/.test(row)) &&
			rows.some((row) => /deny[^]*status\.read/.test(row)),
		rows,
	)
	clean('status with a policy: nothing wrong', view, ['status of 401'])
	await view.context.close()
}

/* A page of another origin, which asks as an app would. */
async function fromOtherOrigins({ url, key, allowed, refused }) {
	const asked = (page) =>
		page.evaluate(
			async ([target, secret]) => {
				try {
					const answer = await fetch(`${target}/getToken`, {
						method: 'POST',
						headers: {
							Authorization: `Bearer ${secret}`,
							'Content-Type': 'application/json',
						},
						body: JSON.stringify({ tokenType: 'rtc', channel: 'class-1', uid: 1 }),
					})

					return [
						answer.status,
						(await answer.json()).grant,
						answer.headers.get('X-Request-ID') !== null,
					]
				} catch (error) {
					return String(error)
				}
			},
			[url, key],
		)
	const first = await open(allowed)
	const second = await open(refused)
	const preflights = []

	first.page.on('request', (request) => preflights.push(request.method()))
	same('an origin that is listed', await asked(first.page), [200, 'lessons', true])
	check('one that is not', String(await asked(second.page)).startsWith('TypeError'))
	const preflight = await fetch(`${url}/getToken`, {
		method: 'OPTIONS',
		headers: {
			Origin: allowed,
			'Access-Control-Request-Method': 'POST',
			'Access-Control-Request-Headers': 'authorization,content-type',
		},
	})

	same(
		'the preflight',
		[preflight.ok, preflight.headers.get('access-control-allow-origin')],
		[true, allowed],
	)
	check(
		'it allows Authorization',
		/\bauthorization\b/i.test(preflight.headers.get('access-control-allow-headers')),
	)
	const other = await fetch(`${url}/getToken`, {
		method: 'OPTIONS',
		headers: {
			Origin: refused,
			'Access-Control-Request-Method': 'POST',
			'Access-Control-Request-Headers': 'authorization',
		},
	})

	same('the preflight of one that is not', other.headers.get('access-control-allow-origin'), null)
	/* Nobody reads the console's own answers from elsewhere, nor shows the page in a frame. */
	const framed = await first.page.evaluate(async (target) => {
		try {
			await fetch(`${target}/console/`)
			return 'read'
		} catch {
			return 'refused'
		}
	}, url)

	same('the page is not read from elsewhere', framed, 'refused')
	clean('allowed origin: nothing else wrong', first, ['/console/'])
	await first.context.close()
	await second.context.close()
}

/* axe, and no scrolling to the side, for each tab as it is when it is used. */
async function accessibility({ url }, demo, own) {
	const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

	for (const colorScheme of ['light', 'dark'])
		for (const width of [360, 1280]) {
			/* The policy is checked by all other tests; here it would keep axe out. */
			const view = await open(`${url}/console/`, {
				bypassCSP: true,
				colorScheme,
				viewport: { width, height: 800 },
			})
			const { page } = view
			const now = Math.floor(Date.now() / 1000)
			const look = async (name) => {
				const where = `${name}, ${width} pixels, ${colorScheme}`
				const found = await page.evaluate(async () =>
					(
						await globalThis.axe.run(document, {
							runOnly: [
								'wcag2a',
								'wcag2aa',
								'wcag21a',
								'wcag21aa',
								'wcag22aa',
								'best-practice',
							],
						})
					).violations.map(
						(v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`,
					),
				)

				same(`axe: ${where}`, found, [])
				check(
					`no scrolling to the side: ${where}`,
					await page.evaluate(() => document.scrollingElement.scrollWidth <= innerWidth),
				)
				if (SHOTS)
					await page.screenshot({
						path: path.join(SHOTS, `${name}-${width}-${colorScheme}.png`),
						fullPage: true,
					})
			}

			await page.evaluate(axe)
			await page.fill('#channel', 'caf\u00e9')
			await page.fill('#uid', '42')
			await page.click('#issue-form button.primary')
			await until('the error', () => text(page, '#issue-error'))
			await look('issue-error')
			await page.fill('#channel', 'W'.repeat(64))
			await page.click('#issue-form button.primary')
			await page.waitForSelector('#issue-result .token')
			await page.click('#sign-in summary')
			await look('issue')
			await page.click('#sign-in summary')
			await page.click('#tab-inspect')
			await look('inspect-empty')
			await page.fill('#its-channel', 'Lobby')
			await page.fill(
				'#token',
				pack(
					content({
						issued: now - 600,
						services: [
							service(
								1,
								[
									[1, 1200],
									[2, 300],
									[3, 0],
								],
								'lobby',
								'42',
							),
							service(2, [[1, 0]], 'ann'),
						],
					}),
				),
			)
			await page.waitForSelector('.service')
			await look('inspect')
			await page.click('#tab-services')
			await page.fill('#service-channelName', 'W'.repeat(64))
			await page.click('#service-send')
			await page.waitForSelector('#confirm[open]')
			await look('confirm')
			await page.click('#confirm-yes')
			await page.waitForSelector('.jobs')
			await look('services')
			await page.selectOption('#service', 'push')
			await look('services-push')
			await page.click('#tab-status')
			await until('the status', () => text(page, '#status-said'))
			await look('status')
			await page.goto(`${url}/console/api.html`)
			await page.evaluate(axe)
			await look('reference')
			await page.goto(`${own.url}/console/#status`)
			await page.evaluate(axe)
			await page.fill('#credential', own.key)
			await page.click('#sign-in button')
			await until('the caller', async () => (await text(page, '#who')).startsWith('web'))
			await page.click('#status-again')
			await until('the records', () => page.locator('.log tbody tr').count())
			await look('status-records')
			clean(`accessibility at ${width}, ${colorScheme}`, view, [
				'status of 400',
				'status of 401',
			])
			await view.context.close()
		}
}

/* Beginning and end */

async function siteOfOurOwn() {
	const where = directory()
	const made = await run(TOKEN, ['key', 'new', 'web'], '')
	const key = /^\s*(ak_\S+)/m.exec(made.stdout)?.[1]
	const pages = []

	if (key === undefined) throw new Error(`agora-token key new: ${made.stdout}${made.stderr}`)
	for (let i = 0; i < 2; i++) {
		const server = http.createServer((_, answer) =>
			answer
				.writeHead(200, { 'Content-Type': 'text/html' })
				.end('<!doctype html><title>An app</title><link rel="icon" href="data:,">'),
		)

		await new Promise((go) => server.listen(0, '127.0.0.1', go))
		pages.push(`http://127.0.0.1:${server.address().port}`)
		server.unref()
	}
	fs.writeFileSync(
		path.join(where, 'policy.json'),
		JSON.stringify({
			projects: { two: { appId: OTHER_ID, certificate: OTHER_CERTIFICATE } },
			callers: {
				web: { type: 'apikey', sha256: createHash('sha256').update(key).digest('hex') },
			},
			grants: [
				{
					name: 'lessons',
					from: 'web',
					actions: ['token.issue', 'token.inspect', 'status.read'],
					project: '*',
					services: ['rtc', 'rtm'],
					channels: 'class-*',
					uid: '*',
					role: 'publisher',
					ttl: '30m',
				},
			],
		}),
		{ mode: 0o600 },
	)
	fs.writeFileSync(
		path.join(where, 'agora.env'),
		[
			`APP_ID=${APP_ID}`,
			`APP_CERTIFICATE=${CERTIFICATE}`,
			`POLICY_FILE=${where}/policy.json`,
			`CORS_ALLOW_ORIGIN=${pages[0]}`,
			'',
		].join('\n'),
		{ mode: 0o600 },
	)
	return {
		...(await serve(['--env-file', path.join(where, 'agora.env')])),
		key,
		allowed: pages[0],
		refused: pages[1],
	}
}

async function main() {
	const demo = await serve(['--demo'])
	const own = await siteOfOurOwn()

	check(
		'nginx/serve prints the address',
		demo.said().includes(`Console: ${demo.url}/console/`),
		demo.said(),
	)
	browser = await chromium.launch({
		executablePath: '/usr/bin/chromium',
		chromiumSandbox: false /* it sees our own pages alone */,
		args: [
			'--disable-gpu',
			'--disable-quic',
			'--no-first-run',
			'--disable-background-networking',
			'--disable-component-update',
			'--disable-sync',
		],
	})
	for (const [test, site] of [
		[headersOfThePage, demo],
		[tabsByKeyboard, demo],
		[issuing, demo],
		[problemsInTheSameWords, demo],
		[decodingAsInC, demo],
		[offline, demo],
		[services, demo],
		[confirming, demo],
		[oneForm, demo],
		[onAPhone, demo],
		[theAddressItself, demo],
		[withAPolicy, own],
		[verifying, own],
		[knownToTheWebServer, own],
		[unreachable, demo],
		[statusOfAll, own],
		[fromOtherOrigins, own],
		[accessibility, demo],
	]) {
		const began = Date.now()

		if (process.argv[2] !== undefined && process.argv[2] !== test.name) continue
		try {
			await test(site, demo, own)
		} catch (error) {
			check(test.name, false, error.stack)
		}
		console.log(`     ${test.name}: ${((Date.now() - began) / 1000).toFixed(1)} s`)
	}
	if (process.argv[2] === undefined) await answersAsDescribed()
}

async function end() {
	await browser?.close()
	for (const child of children)
		if (child.exitCode === null) {
			const gone = new Promise((go) => child.once('exit', go))

			child.kill('SIGTERM')
			await gone
		}
	for (const where of directories) fs.rmSync(where, { recursive: true, force: true })
	console.log(`${passed} passed, ${failed} failed`)
	process.exit(failed > 0 ? 1 : 0)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end())
main()
	.catch((error) => check('the tests', false, error.stack))
	.then(end)
