// Plays the reference platform's own client, unchanged, against the origin given as the first
// argument. The second is a tag that makes an address count as verified.
'use strict';

const assert = require('node:assert/strict');
const { promisify } = require('node:util');
const makeClient = require('tidepool-platform-client');

const [origin, verifiedTag] = process.argv.slice(2);

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

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('the call should have been refused');
}

async function signUp(name) {
  const { client, call } = connect();
  const username = `${name}.${process.hrtime.bigint()}${verifiedTag}@example.org`;
  const account = { username, password: 'a-long-password', emails: [username], roles: ['patient'] };
  const options = { noRefresh: true };
  const user = await promisify(client.signup).call(client, account, options);
  assert.equal(user.username, username);
  assert.deepEqual(user.emails, [username]);
  assert.deepEqual(user.roles, ['patient']);
  assert.equal(client.isLoggedIn(), true);
  return { client, call, account, id: user.userid };
}

async function main() {
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
