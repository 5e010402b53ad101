// Uses the pages in a real browser, as people do: by reading the page and pressing its buttons.
//
// Arguments: the origin, a tag that makes an address count as verified, the folder with the mails,
// the browser's program, and optionally a folder for pictures of every page.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { chromium } = require('playwright-core');
const people = require('./people');
const { Reader } = require('./reader');

const [origin, verifiedTag, mailDir, program, pictureDir] = process.argv.slice(2);
const world = people.at({ origin, verifiedTag, mailDir });

const devices = [
  { name: 'phone', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  // The pages must be complete without scripts.
  { name: 'desktop', viewport: { width: 1280, height: 800 }, javaScriptEnabled: false },
];

async function main() {
  const browser = await chromium.launch({
    executablePath: program,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  try {
    for (const { name, ...device } of devices) {
      for (const journey of [newcomer, forgetful, claimant, lost, besieged]) {
        const context = await browser.newContext(device);
        const page = await context.newPage();
        await journey(new Reader(page, { origin, device: name, pictureDir }));
        await context.close();
        console.log(`${name}: ${journey.name}`);
      }
    }
  } finally {
    await browser.close();
  }
}

// Invited without an account: signs up, verifies the address, accepts one invitation and declines
// another, and leaves.
async function newcomer(reader) {
  const alice = await world.member('alice', { fullName: 'Alice <b>& Co</b>' });
  const dana = await world.member('dana', { fullName: 'Dana' });
  const carol = { address: world.address('carol+a'), password: 'a-long-password' };
  await alice.invite(carol.address, { view: {}, note: {} });

  await reader.open(await world.link(carol.address, 'careteam_invitation'));
  await reader.sees('Sign up');
  assert.equal(await reader.value('E-mail address'), carol.address);
  await reader.fill('Password', carol.password);
  await reader.press('Sign up');
  await reader.sees('Check your mail');
  const first = await world.link(carol.address, 'signup_confirmation');

  await reader.follow('Log in');
  await reader.logIn(carol);
  await reader.sees('Verify your address first', 403);
  await reader.press('Send the mail again');
  await reader.sees('Check your mail');
  const link = await world.link(carol.address, 'signup_confirmation', [first]);

  await reader.open(first);
  await reader.sees('Verify your address');
  await reader.open(link);
  await reader.sees('Verify your address');
  await reader.open(link);
  assert.equal(await world.logIn(carol), 403, 'opening the link must not verify');
  await reader.press('This is my address');
  await reader.sees('Your address is verified');
  await reader.open(link);
  await reader.sees('Your address is verified');

  await reader.follow('Log in');
  await reader.logIn({ ...carol, password: 'another-password' });
  await reader.sees('Log in', 401);
  await reader.reads('The address or the password is wrong.');
  await reader.logIn(carol);
  await reader.sees('Your invitations');
  await reader.reads('Alice <b>& Co</b>', 'see all data and the profile', 'read and write notes');
  await dana.invite(carol.address, { view: {}, upload: {}, note: {}, edit: {}, admin: {}, follow: {} });
  await reader.open('/pages/invitations');
  await reader.sees('Your invitations', 200, 'two');

  await reader.press('Accept', 'Alice <b>& Co</b> invites you');
  await reader.sees('You accepted');
  const id = await world.idOf(carol);
  assert.deepEqual(await alice.permissionsOf(id), { view: {}, note: {} });
  await reader.follow('Back to your invitations');
  await reader.press('Decline', 'Dana invites you');
  await reader.sees('You declined');
  assert.equal(await dana.permissionsOf(id), null);
  await reader.follow('Back to your invitations');
  await reader.sees('Your invitations', 200, 'none');
  await reader.reads('Nobody is waiting for an answer of yours.');

  await reader.press('Log out');
  await reader.sees('You are logged out');
  await reader.open('/pages/invitations');
  await reader.sees('Log in');
}

// Forgot a password and chooses another one, with a mistake on the way.
async function forgetful(reader) {
  const eve = await world.member('eve', { fullName: 'Eve' });
  await reader.open('/login');
  await reader.follow('Forgot your password?');
  await reader.sees('Forgot your password?');
  await reader.fill('E-mail address', eve.address);
  await reader.press('Send the mail');
  await reader.sees('Check your mail');

  const link = await world.link(eve.address, 'password_reset');
  const changed = { address: eve.address, password: 'an-even-longer-password' };
  const choose = async (address) => {
    await reader.fill('E-mail address', address);
    await reader.fill('New password', changed.password);
    await reader.press('Change the password');
  };
  await reader.open(link);
  await reader.sees('Choose a new password');
  await choose(world.address('mallory'));
  await reader.sees('Choose a new password', 404, 'wrong');
  await reader.isToCorrect('E-mail address', 'The link was sent to another address.');
  await choose(eve.address);
  await reader.sees('Your password is changed');
  await reader.follow('Log in');
  await reader.logIn(changed);
  await reader.sees('Your invitations');
  await reader.open(link);
  await reader.sees('This link does not work', 404, 'password');

  await reader.follow('Get a new link');
  await reader.fill('E-mail address', world.address('nobody'));
  await reader.press('Send the mail');
  await reader.sees('Check your mail');
}

// Takes over an account that others made.
async function claimant(reader) {
  const bob = await world.member('bob', { fullName: 'Bob' });
  const child = { address: world.address('child'), password: 'a-long-password' };
  await bob.custodialAccount(child.address, '2014-05-31');
  await reader.open(await world.link(child.address, 'signup_custodial_confirmation'));
  await reader.sees('Take over your account');
  const claim = async (birthday) => {
    await reader.fill('New password', child.password);
    await reader.fill('Birthday of the person whose account it is', birthday);
    await reader.press('Take over the account');
  };
  await claim('2014-05-30');
  await reader.sees('Take over your account', 409, 'wrong');
  await reader.isToCorrect(
    'Birthday of the person whose account it is',
    'The account has another birthday. Ask whoever made it for you.',
  );
  await claim('2014-05-31');
  await reader.sees('Your address is verified');
  await reader.follow('Log in');
  await reader.logIn(child);
  await reader.sees('Your invitations');
}

// Comes with links that are worth nothing, and to places that are none.
async function lost(reader) {
  const key = 'x'.repeat(32);
  const email = encodeURIComponent('ann+b@example.org');
  await reader.open(`/login?signupEmail=${email}&signupKey=${key}`);
  await reader.sees('This link does not work', 404);
  assert.equal(await reader.value('E-mail address'), 'ann+b@example.org');
  await reader.press('Send a new link');
  await reader.sees('Check your mail');
  await reader.open(`/confirm-password-reset?resetKey=${key}`);
  await reader.sees('This link does not work', 404, 'password');
  await reader.open('/pages/nowhere');
  await reader.sees('There is no such page', 404);
  await reader.open('/signup');
  await reader.sees('Sign up', 200, 'plain');
  const known = await world.member('finn', { fullName: 'Finn' });
  await reader.fill('E-mail address', known.address);
  await reader.fill('Password', 'a-long-password');
  await reader.press('Sign up');
  await reader.sees('Sign up', 409, 'taken');
  await reader.isToCorrect('E-mail address', 'There is an account with this address already.');
}

// Somebody else's page sends a form of ours. The port makes it another origin of the same site,
// so that cookies go along.
async function besieged(reader) {
  const gina = await world.member('gina', { fullName: 'Gina' });
  await reader.open('/login');
  const cookie = await reader.cookie('tidegate-form');
  const server = http.createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<!DOCTYPE html><title>Elsewhere</title><form method="post" action="${origin}/login">
      <input name="form_token" value="${cookie}"><input name="email" value="${gina.address}">
      <input name="password" value="${gina.password}"><button>Win</button></form>`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await reader.leave(`http://127.0.0.1:${server.address().port}/`);
    await reader.press('Win');
    await reader.sees('This form was not accepted', 403);
    assert.equal(await reader.cookie('tidegate-session'), undefined);
  } finally {
    server.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
