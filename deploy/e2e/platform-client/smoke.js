// Plays the reference platform's own client, unchanged, against the origin given as the first
// argument.
'use strict';

const assert = require('node:assert/strict');
const { clinics } = require('./clinics');
const { connect, mailedKey, newAddress, refusal, signUp, verify } = require('./people');

async function main() {
  await accounts();
  await confirmations();
  await clinics();
}

async function confirmations() {
  // A sign-up: the address is verified by any key that was sent, so that a stranger who has the
  // mail sent again voids none.
  const alice = await signUp('alice', newAddress('alice+a'));
  assert.equal((await refusal(connect().call('login', alice.account))).status, 403);
  await alice.call('signupStart', alice.id);
  const first = await mailedKey(alice.account.username, 'signupKey');
  await connect().call('signupResend', alice.account.username);
  const second = await mailedKey(alice.account.username, 'signupKey', [first]);
  assert.notEqual(second, first);
  await connect().call('signupConfirm', first);
  await alice.call('login', alice.account, { remember: true, noRefresh: true });
  assert.equal((await refusal(alice.call('signupStart', alice.id))).status, 403);
  const unknown = await refusal(connect().call('signupResend', newAddress('nobody')));
  assert.equal(unknown.status, 404);

  // Somebody who changes the mind before the address is verified.
  const zoe = await signUp('zoe', newAddress('zoe'));
  await zoe.call('signupStart', zoe.id);
  await zoe.call('signupCancel', zoe.id);

  // Invitations: sent again, accepted, dismissed, removed.
  const bob = await signUp('bob', newAddress('bob+b'));
  await verify(bob);
  const rights = { view: {}, note: {} };
  const sent = await alice.call('inviteUser', bob.account.username, rights, alice.id);
  assert.equal(sent.email, bob.account.username);
  assert.equal(sent.status, 'pending');
  assert.deepEqual(sent.context.permissions, rights);
  const twice = await refusal(alice.call('inviteUser', bob.account.username, rights, alice.id));
  assert.equal(twice.status, 409);
  assert.deepEqual((await alice.call('invitesSent', alice.id)).map((invite) => invite.key), [sent.key]);
  const again = await alice.call('resendInvite', sent.key);
  assert.notEqual(again.key, sent.key);
  const [received] = await bob.call('invitesReceived', bob.id);
  assert.equal(received.key, again.key);
  assert.equal(received.creatorId, alice.id);
  assert.equal(received.invitedBy, alice.id);
  assert.deepEqual(received.permissions, rights);
  await bob.call('acceptInvite', received.key, bob.id, alice.id);
  assert.deepEqual(await bob.call('getAccessPermissionsForGroup', alice.id, bob.id), rights);
  assert.deepEqual(await bob.call('invitesReceived', bob.id), []);
  assert.deepEqual(await alice.call('invitesSent', alice.id), []);
  const carol = await signUp('carol', newAddress('carol+c'));
  await verify(carol);
  await alice.call('inviteUser', carol.account.username, rights, alice.id);
  const [dismissed] = await carol.call('invitesReceived', carol.id);
  await carol.call('dismissInvite', dismissed.key, carol.id, alice.id);
  assert.deepEqual(await carol.call('invitesReceived', carol.id), []);
  assert.equal((await alice.call('invitesSent', alice.id))[0].status, 'declined');
  await alice.call('removeInvite', carol.account.username, alice.id);
  assert.deepEqual(await alice.call('invitesSent', alice.id), []);

  // A forgotten password.
  await connect().call('requestPasswordReset', newAddress('nobody'));
  await connect().call('requestPasswordReset', alice.account.username);
  const key = await mailedKey(alice.account.username, 'resetKey');
  const reset = { key, email: alice.account.username, password: 'an-even-longer-password' };
  await connect().call('confirmPasswordReset', reset);
  assert.equal((await refusal(connect().call('confirmPasswordReset', reset))).status, 404);
  const account = { ...alice.account, password: reset.password };
  assert.equal((await connect().call('login', account)).userid, alice.id);

  // An account that others made is claimed by who knows the birthday.
  const address = newAddress('greta+g');
  const profile = { fullName: 'Greta', emails: [address], patient: { birthday: '2019-08-30' } };
  const greta = await bob.call('createCustodialAccount', profile);
  const claim = await mailedKey(address, 'signupKey');
  const password = 'a-password-of-greta';
  const wrong = await refusal(connect().call('custodialSignupConfirm', claim, '2019-08-31', password));
  assert.equal(wrong.error, 1006);
  await connect().call('custodialSignupConfirm', claim, '2019-08-30', password);
  const session = await connect().call('login', { username: address, password });
  assert.equal(session.userid, greta.userid);
}

async function accounts() {
  const alice = await signUp('alice');
  const bob = await signUp('bob');

  // Sessions.
  const options = { remember: true, noRefresh: true };
  const session = await alice.call('login', alice.account, options);
  assert.equal(session.userid, alice.id);
  const wrong = { ...alice.account, password: 'another-password' };
  assert.equal((await refusal(connect().call('login', wrong))).status, 401);
  assert.equal((await alice.call('getCurrentUser')).userid, alice.id);
  const loaded = await alice.call('initialize');
  assert.equal(loaded.userid, alice.id);
  assert.ok(loaded.token);

  // Account.
  const terms = '2015-12-31T23:59:59-08:00';
  const updated = await alice.call('updateCurrentUser', { termsAccepted: terms });
  assert.equal(updated.termsAccepted, terms);
  await alice.call('acceptTerms', { terms: new Date().toISOString() });

  // Metadata.
  const profile = { fullName: 'Alice', patient: { birthday: '2016-05-04' } };
  assert.deepEqual(await alice.call('addOrUpdateProfile', alice.id, profile), profile);
  assert.deepEqual(await alice.call('findProfile', alice.id), profile);
  const units = { display: { bg: 'mmol/L' } };
  assert.deepEqual(await alice.call('addOrUpdateSettings', alice.id, units), units);
  assert.deepEqual(await alice.call('addOrUpdatePreferences', alice.id, { clicked: true }), { clicked: true });
  const stranger = await refusal(bob.call('findProfile', alice.id));
  assert.equal(stranger.status, 401);
  assert.equal(stranger.body, 'Unauthorized');

  // Permissions.
  assert.deepEqual(await alice.call('setAccessPermissions', bob.id, { view: {} }), { view: {} });
  assert.deepEqual(await alice.call('getTeamMembers', alice.id), {
    [alice.id]: { root: {} },
    [bob.id]: { view: {} },
  });
  assert.deepEqual(await bob.call('getViewableUsers', bob.id), {
    [bob.id]: { root: {} },
    [alice.id]: { view: {} },
  });
  const denied = await refusal(bob.call('getTeamMembers', alice.id));
  assert.equal(denied.status, 401);
  assert.equal(denied.body, 'Unauthorized');
  assert.deepEqual(await bob.call('getUploadGroups', bob.id), { [bob.id]: { root: {} } });
  assert.deepEqual(await bob.call('getAccessPermissionsForGroup', alice.id, bob.id), { view: {} });
  const [friend] = await bob.call('getAssociatedUsersDetails', bob.id);
  assert.equal(friend.userid, alice.id);
  assert.deepEqual(friend.trustorPermissions, { view: {} });
  assert.equal(friend.profile.fullName, 'Alice');
  const emptied = await alice.call('setAccessPermissions', bob.id, null);
  assert.ok(emptied == null || Object.keys(emptied).length === 0);
  assert.equal(await alice.call('getAccessPermissionsForGroup', alice.id, bob.id), null);

  // Custodial account.
  const child = await bob.call('createCustodialAccount', { fullName: 'Finn' });
  assert.ok(child.userid);
  assert.equal(child.profile.fullName, 'Finn');
  assert.deepEqual((await bob.call('getViewableUsers', bob.id))[child.userid], {
    custodian: {},
    view: {},
    upload: {},
  });
  const address = `finn.${process.hrtime.bigint()}@example.org`;
  const named = await bob.call('updateCustodialUser', { username: address, emails: [address] }, child.userid);
  assert.equal(named.username, address);

  await alice.call('logout');
  assert.equal(alice.client.isLoggedIn(), false);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
