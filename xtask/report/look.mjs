// Looks at reports in a browser: on a wide screen, on a phone and in print, in light and in dark.
//
// node look.mjs BROWSER FOLDER NAME…: of each NAME there are NAME.html, its figures in NAME.json, and in NAME.csv the file that was checked. What is
// seen is left as pictures in the folder.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, folder, ...names] = process.argv.slice(2);
const quiet = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
// A browser that root starts has no sandbox. It shows nothing but these pages.
const args = process.getuid?.() === 0 ? [...quiet, "--no-sandbox"] : quiet;
const browser = await chromium.launch({ executablePath, args });
try {
  for (const name of names) {
    await lookAt(name);
  }
} finally {
  await browser.close();
}

async function lookAt(name) {
  const figures = JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));
  const rows = readFileSync(`${folder}/${name}.csv`, "utf8").split("\n");
  const numbers = rows.map((row) => row.replaceAll(/\D/g, "")).filter((digits) => digits.length >= 7);
  const url = pathToFileURL(`${folder}/${name}.html`).href;
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 360]) {
      const where = `${name}, ${colorScheme}, ${width} px`;
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
      const page = await context.newPage();
      const said = [];
      const asked = [];
      page.on("console", (message) => said.push(message.text()));
      page.on("pageerror", (error) => said.push(error.message));
      page.on("request", (request) => asked.push(request.url()));
      await page.goto(url);
      await page.screenshot({ path: `${folder}/${name}-${colorScheme}-${width}.png`, fullPage: true });
      fits(await page.evaluate(measure), where);
      await isReadable(page, colorScheme === "dark", where);
      await shows(page, figures, numbers, where);
      await page.emulateMedia({ media: "print", colorScheme });
      await isReadable(page, false, `${where}, printed`);
      if (width === 1280) {
        const pdf = await page.pdf({ path: `${folder}/${name}-${colorScheme}.pdf`, format: "A4" });
        const sheets = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
        assert.ok(sheets >= 1 && sheets <= 8, `${where}: printed on ${sheets} sheets`);
      }
      assert.deepEqual(said, [], `${where}: the browser has something to say`);
      assert.deepEqual(asked, [url], `${where}: nothing else is asked for`);
      await context.close();
    }
  }
  console.log(`${name}.html: passed`);
}

// Runs in the page.
function measure() {
  const root = document.documentElement;
  const wider = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > root.clientWidth + 0.5);
  const cut = [...document.querySelectorAll("td, th, dd, p, h1, h2")].filter((one) => one.scrollWidth > one.clientWidth + 1);
  const bars = [...document.querySelectorAll("tbody .bar i")].map((bar) => {
    const row = bar.closest("tr");
    return {
      row: row.innerText,
      drawn: bar.getBoundingClientRect().width / bar.parentElement.getBoundingClientRect().width,
      meant: Number.parseFloat(bar.style.width) / 100,
    };
  });
  return {
    overflow: root.scrollWidth - root.clientWidth,
    wider: wider.map((one) => one.outerHTML.slice(0, 100)),
    cut: cut.map((one) => one.outerHTML.slice(0, 100)),
    bars,
    withoutCaption: document.querySelectorAll("table:not(:has(> caption))").length,
    withoutHeading: document.querySelectorAll("section:not(:has(> h2))").length,
    withoutScope: document.querySelectorAll("th:not([scope])").length,
  };
}

function fits(measured, where) {
  assert.equal(measured.overflow, 0, `${where}: it can be scrolled sideways`);
  assert.deepEqual(measured.wider, [], `${where}: wider than the screen`);
  assert.deepEqual(measured.cut, [], `${where}: cut off`);
  assert.equal(measured.withoutCaption + measured.withoutHeading + measured.withoutScope, 0, `${where}: unnamed`);
  assert.ok(measured.bars.length > 0, `${where}: no bars`);
  for (const { row, drawn, meant } of measured.bars) {
    assert.ok(Math.abs(drawn - meant) < 0.01, `${where}: a bar of ${drawn} in place of ${meant}`);
    assert.match(row, /\d/, `${where}: a bar without a figure beside it`);
  }
}

async function isReadable(page, isDark, where) {
  const { brightness, faint } = await page.evaluate(() => {
    const parts = (color) => color.match(/[\d.]+/g).map(Number);
    const luminance = (color) => {
      const [red, green, blue] = parts(color).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element) => {
      for (let one = element; one; one = one.parentElement) {
        const color = getComputedStyle(one).backgroundColor;
        if (parts(color)[3] !== 0) return color;
      }
      return "rgb(255, 255, 255)";
    };
    const faint = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode.textContent.trim();
      const element = texts.currentNode.parentElement;
      if (text === "") continue;
      const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < 4.5) faint.push(`${contrast.toFixed(1)}: ${text.slice(0, 60)}`);
    }
    return { brightness: luminance(behind(document.body)), faint };
  });
  assert.ok(isDark ? brightness < 0.1 : brightness > 0.8, `${where}: a page of brightness ${brightness}`);
  assert.deepEqual(faint, [], `${where}: hard to read`);
}

async function shows(page, figures, numbers, where) {
  const seen = await page.locator("body").innerText();
  const digits = seen.replaceAll(/[ ()+-]/g, "");
  for (const number of numbers) {
    assert.ok(!digits.includes(number), `${where}: a phone number`);
  }
  const grouped = (count) => count.toLocaleString("en-US");
  const rowOf = async (id, name) => {
    const rows = await page.locator(`section[aria-labelledby="${id}"] tbody tr`).allInnerTexts();
    return rows.find((row) => row.includes(name)) ?? assert.fail(`${where}: no ${name} in ${id}`);
  };
  for (const { text, count } of figures.outcomes) {
    assert.ok((await rowOf("outcomes", text)).includes(grouped(count)), `${where}: ${text}`);
  }
  for (const [currency, amount] of Object.entries(figures.cost.total)) {
    assert.ok(seen.includes(`${amount} ${currency}`), `${where}: ${amount} ${currency}`);
  }
  for (const { name, numbers, cost } of figures.details.countries) {
    const row = await rowOf("countries", name);
    assert.ok(row.includes(grouped(numbers)), `${where}: ${name}`);
    for (const amount of Object.values(cost)) assert.ok(row.includes(amount), `${where}: ${name} ${amount}`);
  }
  for (const { column, first } of figures.details.findings) {
    for (const { name, count } of first) {
      assert.ok((await rowOf(column, name)).includes(grouped(count)), `${where}: ${column} ${name}`);
    }
  }
  for (const { text, lines } of figures.details.invalid) {
    const row = await rowOf("invalid", text);
    for (const line of lines) assert.ok(row.includes(grouped(line)), `${where}: line ${line}`);
  }
  assert.equal(seen.includes("Invented results."), figures.invented, `${where}: whether it is invented`);
}
