// Who plays in the smoke test: people with a client each, and the mails to them. The arguments are the
// origin, a tag that makes an address count as verified, the folder with the mails, and the token of a service.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');
const { promisify } = require('node:util');
const makeClient = require('tidepool-platform-client');

const [origin, verifiedTag, mailDir, serviceToken] = process.argv.slice(2);
const deliveryMs = 15_000;

function memoryStore() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key),
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}

// Every function of the client takes a callback last.
function connect() {
  const client = makeClient({
    host: origin,
    uploadApi: origin,
    dataHost: origin,
    localStore: memoryStore(),
    metricsSource: 'smoke',
    metricsVersion: '1',
  });
  const call = (name, ...args) => promisify(client[name]).call(client, ...args);
  return { client, call };
}

// What the platform's own programs do, which need no client.
async function serve(path) {
  const headers = { 'x-tidepool-session-token': serviceToken };
  const answer = await fetch(origin + path, { method: 'POST', headers });
  assert.equal(answer.status, 200);
  return answer.json();
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('the call should have been refused');
}

function newAddress(name, tag = '') {
  return `${name}.${process.hrtime.bigint()}${tag}@example.org`;
}

async function signUp(name, username = newAddress(name, verifiedTag), role = 'patient') {
  const { client, call } = connect();
  const account = { username, password: 'a-long-password', emails: [username], roles: [role] };
  const options = { noRefresh: true };
  const user = await promisify(client.signup).call(client, account, options);
  assert.equal(user.username, username);
  assert.deepEqual(user.emails, [username]);
  assert.deepEqual(user.roles, [role]);
  assert.equal(client.isLoggedIn(), true);
  return { client, call, account, id: user.userid };
}

// The key that the link `path` of a mail to `address` carries; one of those in `old` does not count.
async function mailedKey(address, link, old = []) {
  const pattern = new RegExp(`${link}=(?:3D)?([A-Za-z0-9_-]{32})(?![A-Za-z0-9_-])`);
  const deadline = Date.now() + deliveryMs;
  while (Date.now() < deadline) {
    for (const file of fs.readdirSync(mailDir).filter((name) => name.endsWith('.eml'))) {
      const mail = fs.readFileSync(path.join(mailDir, file), 'utf8').replace(/=\r?\n/g, '');
      const [, key] = pattern.exec(mail) ?? [];
      if (mail.includes(`To: ${address}\r\n`) && key && !old.includes(key)) return key;
    }
    await pause(50);
  }
  assert.fail(`no mail to ${address} with ${link}`);
}

// Verifies an address as the web application does.
async function verify(person) {
  const started = await person.call('signupStart', person.id);
  assert.ok(started == null || Object.keys(started).length === 0);
  const key = await mailedKey(person.account.username, 'signupKey');
  await connect().call('signupConfirm', key);
}

module.exports = { connect, mailedKey, newAddress, refusal, serve, signUp, verify };
