// All that the client does with clinics.
'use strict';

const assert = require('node:assert/strict');
const everyFunction = require('tidepool-platform-client/clinics')({});
const { newAddress, refusal, serve, signUp, verify } = require('./people');

// Its path is none of the clinics API, and 404 is an empty report to the client.
const elsewhere = ['getPatientsForRpmReport'];

const played = new Set();

// Somebody who has a verified address, and whose calls are noted.
async function join(name, role) {
  const person = await signUp(name, newAddress(`${name}+${role}`), role);
  await verify(person);
  await person.call('login', person.account, { noRefresh: true });
  await person.call('addOrUpdateProfile', person.id, { fullName: name });
  const call = (name, ...args) => {
    played.add(name);
    return person.call(name, ...args);
  };
  return { ...person, call, address: person.account.username };
}

async function clinics() {
  const carol = await join('carol', 'clinician');
  const nina = await join('nina', 'clinician');
  const alice = await join('alice', 'patient');
  const clinic = await openClinic(carol, alice);
  await staff(clinic, carol, nina);
  await sharing(clinic, carol, nina, alice);
  await enrolled(clinic, carol, nina);
  await ends(clinic, carol, nina, alice);
  await migrated();
  const missing = Object.keys(everyFunction).filter((name) => !played.has(name) && !elsewhere.includes(name));
  assert.deepEqual(missing, []);
}

const oakClinic = {
  name: 'Oak Clinic',
  address: '1 Oak Street',
  city: 'Oakville',
  postalCode: '12345',
  state: 'CA',
  country: 'US',
  phoneNumbers: [{ type: 'Office', number: '(888) 555-5555' }],
  clinicType: 'healthcare_system',
  preferredBgUnits: 'mmol/L',
};

async function openClinic(carol, alice) {
  const opened = await carol.call('createClinic', oakClinic);
  const { id, shareCode } = opened;
  assert.match(shareCode, /^([A-HJ-NP-Z2-9]{4}-){2}[A-HJ-NP-Z2-9]{4}$/);
  assert.deepEqual({ ...opened, ...oakClinic }, opened);
  assert.deepEqual(await carol.call('getClinic', id), opened);
  assert.deepEqual(await alice.call('getClinicByShareCode', shareCode), opened);
  assert.equal((await refusal(alice.call('getClinicByShareCode', 'AAAA-BBBB-CCCC'))).status, 404);

  const changes = { ...oakClinic, id, name: 'Oak Clinic of Oakville', email: 'info@oak.example' };
  const changed = await carol.call('updateClinic', id, changes);
  assert.equal(changed.name, changes.name);
  assert.deepEqual(changed.phoneNumbers, oakClinic.phoneNumbers);
  assert.equal((await refusal(alice.call('updateClinic', id, changes))).status, 403);
  // For services alone.
  assert.equal((await refusal(carol.call('getClinics', { limit: 10 }))).status, 403);

  const [relation, ...others] = await carol.call('getClinicsForClinician', carol.id, { limit: 5, offset: 0 });
  assert.deepEqual(others, []);
  assert.deepEqual(relation.clinic, changed);
  assert.deepEqual(relation.clinician.roles, ['CLINIC_ADMIN']);
  assert.deepEqual(await carol.call('getClinicMRNSettings', id), {});
  assert.deepEqual(await carol.call('getClinicEHRSettings', id), {});
  assert.deepEqual(await carol.call('getClinicPatientCount', id), { total: 0, demo: 0, plan: 0 });
  const limits = await carol.call('getClinicPatientCountSettings', id);
  assert.deepEqual(limits, { hardLimit: { plan: 250 } });
  return { id, shareCode };
}

// Clinicians: invited, invited again, declined, taken back, accepted, changed.
async function staff(clinic, carol, nina) {
  const invite = async (email) => {
    const roles = ['CLINIC_MEMBER'];
    const { inviteId, ...invited } = await carol.call('inviteClinician', clinic.id, { email, roles });
    assert.equal(invited.email, email);
    assert.deepEqual(invited.roles, roles);
    return inviteId;
  };
  const open = await invite(newAddress('open'));
  const shown = await carol.call('getClinicianInvite', clinic.id, open);
  assert.equal(shown.key, open);
  assert.equal(shown.status, 'pending');
  assert.equal((await carol.call('resendClinicianInvite', clinic.id, open)).key, open);
  await carol.call('deleteClinicianInvite', clinic.id, open);
  assert.deepEqual(await carol.call('getClinicianInvite', clinic.id, open), []);

  const declined = await invite(nina.address);
  assert.deepEqual((await nina.call('getClinicianInvites', nina.id)).map(({ key }) => key), [declined]);
  await nina.call('dismissClinicianInvite', nina.id, declined);
  assert.deepEqual(await nina.call('getClinicianInvites', nina.id), []);

  const accepted = await invite(nina.address);
  assert.deepEqual(await nina.call('getClinicsForClinician', nina.id), []);
  const joined = await nina.call('acceptClinicianInvite', nina.id, accepted);
  assert.equal(joined.id, nina.id);
  assert.equal(joined.inviteId, undefined);
  assert.deepEqual(await nina.call('getClinician', clinic.id, nina.id), joined);
  const options = { search: 'nina', offset: 0, limit: 10 };
  assert.deepEqual(await nina.call('getCliniciansFromClinic', clinic.id, options), [joined]);
  assert.equal((await carol.call('getCliniciansFromClinic', clinic.id)).length, 2);

  const changes = { ...joined, name: 'Nina the nurse', roles: ['CLINIC_MEMBER', 'PRESCRIBER'] };
  const changed = await carol.call('updateClinician', clinic.id, nina.id, changes);
  assert.equal(changed.name, changes.name);
  assert.deepEqual(changed.roles, changes.roles);
}

// An account that is shared with the clinic.
async function sharing(clinic, carol, nina, alice) {
  const permissions = { view: {}, note: {}, upload: {} };
  const offer = async () => {
    const { key, clinicId } = await alice.call('inviteClinic', clinic.shareCode, permissions, alice.id);
    assert.equal(clinicId, clinic.id);
    const keys = (await nina.call('getPatientInvites', clinic.id)).map((invitation) => invitation.key);
    assert.deepEqual(keys, [key]);
    return key;
  };
  assert.equal((await alice.call('deletePatientInvitation', clinic.id, await offer())).status, 'canceled');
  assert.deepEqual(await nina.call('getPatientInvites', clinic.id), []);
  assert.equal((await nina.call('deletePatientInvitation', clinic.id, await offer())).status, 'declined');
  const key = await offer();
  const details = { fullName: 'Alice', birthDate: '2016-05-04', mrn: 'oak-1' };
  const patient = await nina.call('acceptPatientInvitation', clinic.id, key, details);
  assert.equal(patient.id, alice.id);
  assert.deepEqual({ ...patient, ...details, permissions }, patient);
  assert.deepEqual(await nina.call('getPatientFromClinic', clinic.id, alice.id), patient);
  const [relation, ...others] = await alice.call('getClinicsForPatient', alice.id, { limit: 5 });
  assert.deepEqual(others, []);
  assert.equal(relation.clinic.id, clinic.id);
  assert.deepEqual(relation.patient, patient);
  const options = { mrn: 'oak-1', birthDate: '2016-05-04' };
  const found = await nina.call('getPatients', options);
  assert.deepEqual(found.map(({ patient: { id } }) => id), [alice.id]);
  const foreign = { ...options, workspaceId: 'elsewhere', workspaceIdType: 'ehrSourceId' };
  assert.deepEqual(await nina.call('getPatients', foreign), []);

  const fewer = { view: {} };
  await alice.call('updatePatientPermissions', clinic.id, alice.id, fewer);
  assert.deepEqual((await nina.call('getPatientFromClinic', clinic.id, alice.id)).permissions, fewer);
}

// An account that the clinic makes, with a tag and a site.
async function enrolled(clinic, carol, nina) {
  const tag = await tagged(clinic, nina);
  const site = await placed(clinic, carol);
  const details = {
    fullName: 'Finn Oakley',
    birthDate: '2011-12-13',
    mrn: 'oak-2',
    email: newAddress('finn'),
    targetDevices: ['dexcom'],
    tags: [tag.id],
  };
  const patient = await nina.call('createClinicCustodialAccount', clinic.id, details);
  assert.deepEqual({ ...patient, ...details }, patient);
  assert.deepEqual(patient.permissions, { custodian: {}, view: {}, upload: {}, note: {} });
  const changes = { ...patient, fullName: 'Finn Oak', sites: [site] };
  const changed = await nina.call('updateClinicPatient', clinic.id, patient.id, changes);
  assert.equal(changed.fullName, 'Finn Oak');
  assert.deepEqual(changed.sites, [{ id: site.id, name: site.name }]);
  assert.deepEqual(changed.permissions, patient.permissions);

  const everybody = await nina.call('getPatientsForClinic', clinic.id, { sort: '+fullName', sortType: 'cgm', limit: 50 });
  assert.deepEqual(everybody.data.map(({ fullName }) => fullName), ['Alice', 'Finn Oak']);
  assert.deepEqual(everybody.meta, { count: 2, totalCount: 2 });
  const options = { search: 'finn', tags: tag.id, sites: site.id, offset: 0, limit: 1 };
  const some = await nina.call('getPatientsForClinic', clinic.id, options);
  assert.deepEqual(some, { data: [changed], meta: { count: 1, totalCount: 2 } });
  assert.equal((await nina.call('getClinicPatientCount', clinic.id)).plan, 2);

  const about = { period: '14d', tags: tag.id, lastDataCutoff: new Date().toISOString() };
  const report = await nina.call('getPatientsForTideDashboard', clinic.id, about);
  assert.deepEqual(report.config.tags, [tag.id]);
  assert.ok(Object.values(report.results).every(Array.isArray));

  const [review] = await nina.call('setClinicPatientLastReviewed', clinic.id, patient.id);
  assert.equal(review.clinicianId, nina.id);
  assert.deepEqual(await nina.call('revertClinicPatientLastReviewed', clinic.id, patient.id), []);
  const reminded = await nina.call('sendPatientUploadReminder', clinic.id, patient.id);
  assert.ok(reminded.lastUploadReminderTime);

  const dataSources = [{ providerName: 'dexcom', state: 'pending' }];
  await nina.call('updateClinicPatient', clinic.id, patient.id, { ...changed, dataSources });
  await nina.call('sendPatientDataProviderConnectRequest', clinic.id, patient.id, 'dexcom');
  const asked = await nina.call('getPatientFromClinic', clinic.id, patient.id);
  assert.equal(asked.connectionRequests.dexcom.length, 1);
  assert.ok(asked.dataSources[0].expirationTime);

  await carol.call('deleteClinicPatientTag', clinic.id, tag.id);
  await carol.call('deleteClinicSite', clinic.id, site.id);
  const bare = await nina.call('getPatientFromClinic', clinic.id, patient.id);
  assert.equal(bare.tags, null);
  assert.deepEqual(bare.sites, []);
  await carol.call('deletePatientFromClinic', clinic.id, patient.id);
  assert.equal((await refusal(nina.call('getPatientFromClinic', clinic.id, patient.id))).status, 404);
}

async function tagged(clinic, nina) {
  const tag = await nina.call('createClinicPatientTag', clinic.id, { name: 'Pumps' });
  assert.deepEqual(tag, { id: tag.id, name: 'Pumps' });
  const renamed = await nina.call('updateClinicPatientTag', clinic.id, tag.id, { name: 'Pump users' });
  assert.deepEqual(renamed, { id: tag.id, name: 'Pump users' });
  const twin = await refusal(nina.call('createClinicPatientTag', clinic.id, { name: 'pumpusers' }));
  assert.equal(twin.status, 409);
  return renamed;
}

async function placed(clinic, carol) {
  const site = await carol.call('createClinicSite', clinic.id, { name: 'North' });
  assert.deepEqual(site, { id: site.id, name: 'North' });
  const changes = { ...site, name: 'Northern' };
  const renamed = await carol.call('updateClinicSite', clinic.id, site.id, changes);
  assert.deepEqual(renamed, changes);
  return renamed;
}

// A legacy account that gets a clinic and says what has to be said of it.
async function migrated() {
  const oscar = await join('oscar', 'clinic');
  const { id } = await serve(`/v1/clinicians/${oscar.id}/migrate`);
  await oscar.call('updateClinic', id, { ...oakClinic, id });
  const { status, userId } = await oscar.call('triggerInitialClinicMigration', id);
  assert.deepEqual({ status, userId }, { status: 'PENDING', userId: oscar.id });
  assert.equal((await refusal(oscar.call('triggerInitialClinicMigration', id))).status, 422);
}

async function ends(clinic, carol, nina, alice) {
  await alice.call('deletePatientFromClinic', clinic.id, alice.id);
  assert.deepEqual(await alice.call('getClinicsForPatient', alice.id), []);
  await nina.call('deleteClinicianFromClinic', clinic.id, nina.id);
  assert.deepEqual(await nina.call('getClinicsForClinician', nina.id), []);
  assert.equal((await refusal(nina.call('getPatientsForClinic', clinic.id))).status, 403);
  const last = await refusal(carol.call('deleteClinicianFromClinic', clinic.id, carol.id));
  assert.equal(last.status, 422);
}

module.exports = { clinics };
