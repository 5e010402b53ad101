// Somebody in front of a browser, who knows a page by its heading, a field by its label and a
// button by what it says, and looks at what no page may do wrong.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');

class Reader {
  constructor(page, { origin, device, pictureDir }) {
    Object.assign(this, { page, origin, device, pictureDir, complaints: [], answer: null });
    page.on('console', (message) => {
      const { url } = message.location();
      // That the page itself came with an error is looked at in `sees`.
      const isOwnStatus = /status of 4\d\d/.test(message.text()) && url === page.url();
      if (message.type() === 'error' && !isOwnStatus) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('requestfailed', (request) => {
      const { errorText } = request.failure();
      // The icon of a page that was left before it came.
      if (errorText === 'net::ERR_ABORTED') return;
      this.complaints.push(`${errorText}: ${request.url()}`);
    });
    page.on('response', (response) => {
      if (response.request().isNavigationRequest()) this.answer = response;
    });
  }

  async open(where) {
    await this.page.goto(new URL(where, this.origin).href);
  }

  // Opens a page of somebody else.
  async leave(url) {
    await this.page.goto(url);
  }

  async follow(label) {
    await this.loads(this.page.getByRole('link', { name: label, exact: true }));
  }

  // Presses a button; `section`: of the part of the page with this heading.
  async press(label, section) {
    const whole = section
      ? this.page.getByRole('region', { name: section, exact: true })
      : this.page;
    await this.loads(whole.getByRole('button', { name: label, exact: true }));
  }

  async loads(control) {
    const loaded = this.page.waitForEvent('load');
    await control.click();
    await loaded;
  }

  async fill(label, value) {
    await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  async value(label) {
    return this.page.getByLabel(label, { exact: true }).inputValue();
  }

  async logIn({ address, password }) {
    await this.fill('E-mail address', address);
    await this.fill('Password', password);
    await this.press('Log in');
  }

  async cookie(name) {
    const cookies = await this.page.context().cookies(this.origin);
    return cookies.find((cookie) => cookie.name === name)?.value;
  }

  async reads(...texts) {
    const main = await this.page.getByRole('main').innerText();
    for (const text of texts) assert.ok(main.includes(text), `${text} is missing in:\n${main}`);
  }

  // The field is marked, has the focus and is described by the sentence.
  async isToCorrect(label, sentence) {
    const field = this.page.getByLabel(label, { exact: true });
    const found = await field.evaluate((input) => ({
      invalid: input.getAttribute('aria-invalid'),
      focused: input.ownerDocument.activeElement === input,
      description: input
        .getAttribute('aria-describedby')
        .split(' ')
        .map((id) => input.ownerDocument.getElementById(id).textContent)
        .join(' '),
    }));
    assert.equal(found.invalid, 'true');
    assert.ok(found.focused, `${label} should have the focus`);
    assert.ok(found.description.endsWith(`Error: ${sentence}`), found.description);
    assert.ok((await this.page.title()).startsWith('Error: '));
  }

  // The page with this heading is there, came with this status, and is as every page should be.
  async sees(heading, status = 200, variant = '') {
    const { page } = this;
    const where = `${this.device}, ${heading}`;
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), heading);
    assert.equal(this.answer.status(), status, where);
    assert.equal(new URL(page.url()).origin, this.origin, where);
    const headers = await this.answer.allHeaders();
    const policy = headers['content-security-policy'];
    assert.ok(policy.startsWith("default-src 'none';"), policy);
    assert.ok(!policy.includes('unsafe'), policy);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cache-control'], 'no-store');
    const found = await page.evaluate(() => ({
      language: document.documentElement.lang,
      title: document.title,
      headings: document.querySelectorAll('h1').length,
      mains: document.querySelectorAll('main').length,
      scripts: document.querySelectorAll('script, [style], style').length,
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      styled: getComputedStyle(document.querySelector('main')).borderTopWidth,
      unlabelled: [...document.querySelectorAll('input:not([type=hidden])')]
        .filter((input) => input.labels.length !== 1 || !input.autocomplete)
        .map((input) => input.name),
      small: [...document.querySelectorAll('button, input:not([type=hidden]), .button')]
        .filter((control) => control.getBoundingClientRect().height < 44)
        .map((control) => control.outerHTML),
    }));
    const { title, ...rest } = found;
    const wanted = { language: 'en', headings: 1, mains: 1, scripts: 0, overflow: 0, styled: '1px' };
    assert.deepEqual(rest, { ...wanted, unlabelled: [], small: [] }, where);
    assert.ok(title.replace('Error: ', '').startsWith(`${heading} – `), title);
    assert.deepEqual(this.complaints, [], where);
    await this.takePictures([heading, variant].filter(Boolean).join(' '));
  }

  async takePictures(name) {
    if (!this.pictureDir) return;
    for (const colorScheme of ['light', 'dark']) {
      await this.page.emulateMedia({ colorScheme });
      const file = `${name} - ${this.device} - ${colorScheme}.png`.replace(/[^a-z0-9.-]+/gi, '-');
      await this.page.screenshot({ path: path.join(this.pictureDir, file), fullPage: true });
    }
  }
}

module.exports = { Reader };
