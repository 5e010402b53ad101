// The people whom the journeys meet: what they do over the API, and the mails they get.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');

const deliveryMs = 30_000;
const tokenHeader = 'x-tidepool-session-token';

function at({ origin, verifiedTag, mailDir }) {
  async function call(method, where, { token, body, headers } = {}) {
    return fetch(origin + where, {
      method,
      headers: { ...headers, ...(token && { [tokenHeader]: token }) },
      body: body && JSON.stringify(body),
    });
  }

  async function done(...request) {
    const answer = await call(...request);
    const text = await answer.text();
    assert.ok(answer.ok, `${request[0]} ${request[1]}: ${answer.status} ${text}`);
    return { answer, text };
  }

  function address(name) {
    return `${name}.${process.hrtime.bigint()}@example.org`;
  }

  async function session({ address, password }) {
    const credentials = Buffer.from(`${address}:${password}`).toString('base64');
    return call('POST', '/auth/login', { headers: { authorization: `Basic ${credentials}` } });
  }

  return {
    address,

    // The status with which somebody is answered who logs in.
    async logIn(person) {
      return (await session(person)).status;
    },

    async idOf(person) {
      return (await (await session(person)).json()).userid;
    },

    // Somebody with a verified address and a profile.
    async member(name, profile) {
      const password = 'a-long-password';
      const own = address(name + verifiedTag);
      const account = { username: own, emails: [own], password };
      const { answer, text } = await done('POST', '/auth/user', { body: account });
      const [token, id] = [answer.headers.get(tokenHeader), JSON.parse(text).userid];
      await done('PUT', `/metadata/${id}/profile`, { token, body: profile });
      return {
        address: own,
        password,

        async invite(email, permissions) {
          const body = { email, permissions };
          await done('POST', `/confirm/send/invite/${id}`, { token, body });
        },

        // What another account may do on this one; null: nothing.
        async permissionsOf(other) {
          const pair = await call('GET', `/access/${id}/${other}`, { token });
          return pair.status === 404 ? null : pair.json();
        },

        async custodialAccount(email, birthday) {
          const body = { username: email, emails: [email] };
          const made = await done('POST', `/auth/user/${id}/user`, { token, body });
          const child = JSON.parse(made.text).userid;
          const profile = { fullName: 'Greta', patient: { birthday } };
          await done('PUT', `/metadata/${child}/profile`, { token, body: profile });
          await done('POST', `/confirm/send/signup/${child}`, { token });
        },
      };
    },

    // The link in the plain text of a mail of this kind; one of those in `old` does not count.
    async link(recipient, kind, old = []) {
      const deadline = Date.now() + deliveryMs;
      while (Date.now() < deadline) {
        for (const file of fs.readdirSync(mailDir)) {
          if (!file.endsWith('.eml') || !file.startsWith(`${kind}-`)) continue;
          const mail = fs.readFileSync(path.join(mailDir, file), 'utf8');
          const found = linkIn(mail);
          if (mail.includes(`To: ${recipient}\r\n`) && !old.includes(found)) return found;
        }
        await pause(50);
      }
      return assert.fail(`no mail ${kind} to ${recipient}`);
    },
  };

  function linkIn(mail) {
    const [, head, body] = /^Content-Type: text\/plain([^]*?)\r\n\r\n([^]*?)\r\n--/m.exec(mail);
    const text = /quoted-printable/i.test(head) ? unquoted(body) : body;
    return /https?:\/\/\S+/.exec(text)[0];
  }
}

function unquoted(text) {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

module.exports = { at };
