"use strict";

// Everything from the server is written as text (textContent), never as markup.

const $ = (id) => document.getElementById(id);
const HEADERS = { "X-Local-User": "maker", "Content-Type": "application/json" };
const LANGUAGES = {
  en: "English", hi: "Hindi", bn: "Bengali", ta: "Tamil", te: "Telugu", mr: "Marathi", gu: "Gujarati", kn: "Kannada",
  ml: "Malayalam", or: "Odia", pa: "Punjabi", as: "Assamese", ur: "Urdu",
};
const SLOTS = { leader: "leader", second: "second contact", third: "third contact" };
const RECEIPTS = {
  SENT: ["wait", "sent"], SUCCESSFUL: ["wait", "with the operator"], DELIVERED: ["good", "arrived"],
  UNREACHABLE: ["bad", "the phone is off"], CARRIER_BLOCKED: ["bad", "refused by the operator"],
};
const STATE_TONE = { DELIVERED: "good", CANCELLED: "bad", UNKNOWN: "wait", HELD: "wait" };

const CHANNELS = { amazon: "Amazon", flipkart: "Flipkart" };
const FIGURE_SECONDS = 30; // so long the page waits for the other channel to show a sale

const MONTH_SECONDS = 30 * 24 * 3600; // every return window of the demo is over by then
const seen = {
  orders: [], stock: [], phones: [], exceptions: [], notifications: [], entries: [], channels: [], groups: [], settlements: [],
  batches: [], payees: {},
};
let bankSaid = null; // the bank's last answer, until somebody enters it
let proof = null; // what the last audit said of the settlements, by name
let offer = { account: "", messages: [], products: [], contacts: [] };
let chosen = null; // order_ref of the selected order
let known = false; // whether the server has said yet what there is
let revealed = ""; // what the selected order's card showed when it was last scrolled to
let pageFollows = false; // whether the page, too, is to be scrolled to the selected order

// --- small helpers for the page

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Draws a list so that only the rows whose content changed are touched: focus, scroll and selection stay.
function draw(parent, rows, key, render) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const placed = new Set();
  let at = parent.firstElementChild;
  for (const row of rows) {
    const name = key(row);
    if (placed.has(name)) continue;
    placed.add(name);
    const text = JSON.stringify(row);
    let child = old.get(name);
    if (!child || child.dataset.text !== text) {
      const made = render(row);
      made.dataset.key = name;
      made.dataset.text = text;
      if (child) {
        const scrolls = child.querySelector(".texts");
        const focused = child.contains(document.activeElement);
        const which = focused ? document.activeElement.dataset.channel || document.activeElement.dataset.answer : undefined;
        const folds = [...child.querySelectorAll("details")].map((fold) => fold.open);
        if (at === child) at = made;
        child.replaceWith(made);
        const scrolling = made.querySelector(".texts");
        if (scrolls && scrolling) scrolling.scrollTop = scrolls.scrollTop;
        made.querySelectorAll("details").forEach((fold, number) => { fold.open = Boolean(folds[number]); });
        const again = which ? `[data-channel="${which}"], [data-answer="${which}"]` : "button";
        if (focused) (made.querySelector(again) || made).focus();
        made.classList.add("fresh");
      } else {
        parent.insertBefore(made, at);
        if (parent.dataset.drawn) made.classList.add("fresh");
      }
      child = made;
    }
    old.delete(name);
    if (child === at) at = child.nextElementSibling;
    else parent.insertBefore(child, at);
  }
  for (const gone of old.values()) gone.remove();
  parent.dataset.drawn = "yes";
}

// Indian time wherever the browser is: ship-by dates and days of sale are Indian.
const CLOCK = new Intl.DateTimeFormat("en-IN", {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Asia/Kolkata",
});
const time = (text) => (text ? `${CLOCK.format(new Date(text))} IST` : "");
const shipmentOf = (orderRef) => orderRef.split(":").slice(2).join(":");
const short = (id) => (id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

// Integer paise to rupees, without a float on the way.
function rupees(paise) {
  const digits = String(Math.abs(paise)).padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{2})*(\d{3})$)/g, ",");
  return `${paise < 0 ? "−" : ""}₹${whole}.${digits.slice(-2)}`;
}

async function get(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function all(path) {
  const items = [];
  let next = null;
  do {
    const mark = next === null ? "" : `${path.includes("?") ? "&" : "?"}next=${encodeURIComponent(next)}`;
    const page = await get(path + mark);
    items.push(...page.items);
    next = page.next;
  } while (next !== null && items.length < 2000);
  return items;
}

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.detail || content.title || String(answer.status));
  return content;
}

// --- what the server knows, drawn

function drawOrders() {
  $("orders-count").textContent = seen.orders.length ? `(${seen.orders.length})` : "";
  $("orders-empty").hidden = !known || seen.orders.length > 0;
  const rows = seen.orders.map((order) => ({ ...order, chosen: order.order_ref === chosen }));
  const stood = chosenPlace();
  draw($("orders"), rows, (order) => order.order_ref, renderOrder);
  fillOrderChoice();
  revealCard(stood);
}

const chosenCard = () => [...$("orders").children].find((child) => child.dataset.key === chosen);

// Where in the list's window the selected order is, null when it is out of sight.
function chosenPlace() {
  const card = chosenCard();
  if (!card) return null;
  const [frame, place] = [$("orders").getBoundingClientRect(), card.getBoundingClientRect()];
  return place.bottom > frame.top && place.top < frame.bottom ? place.top - frame.top : null;
}

// The list scrolls to the selected order when it is chosen or changes, and keeps its place when others come above it.
// After a message was sent the page scrolls there too, for on a small screen the list is far away.
function revealCard(stood) {
  const order = seen.orders.find((candidate) => candidate.order_ref === chosen);
  const text = JSON.stringify(order);
  if (!order) return;
  if (text === revealed) {
    if (stood !== null) {
      $("orders").scrollTop += chosenCard().getBoundingClientRect().top - $("orders").getBoundingClientRect().top - stood;
    }
    return;
  }
  revealed = text;
  const list = $("orders");
  const card = chosenCard();
  const [frame, place] = [list.getBoundingClientRect(), card.getBoundingClientRect()];
  if (place.top < frame.top || place.height > frame.height) list.scrollTop += place.top - frame.top - 4;
  else if (place.bottom > frame.bottom) list.scrollTop += place.bottom - frame.bottom + 4;
  if (pageFollows) card.scrollIntoView({ block: "nearest" });
  if (order.history) pageFollows = false; // else the card still grows
}

function renderOrder(order) {
  const head = node("span", { class: "row" },
    node("span", { class: "grow id", title: order.order_ref, text: short(shipmentOf(order.order_ref)) }),
    order.unconfirmed ? node("span", { class: "tag wait", text: "not confirmed" }) : null,
    order.unpriced ? node("span", { class: "tag wait", text: "unpriced" }) : null,
    node("span", { class: `tag ${STATE_TONE[order.state] || ""}`, text: order.state }));
  const lines = order.lines.map((line) => {
    const left = line.quantity - line.cancelled;
    const text = `${left} × ${line.sku || line.listing}${line.cancelled ? ` (${line.cancelled} of ${line.quantity} cancelled)` : ""}`;
    return node("span", { class: "row" },
      node("span", { class: "grow", text }),
      line.reserved ? node("span", { class: "tag good", text: `${line.reserved} reserved` }) : null,
      line.short ? node("span", { class: "tag bad", text: `${line.short} short` }) : null,
      line.sku ? null : node("span", { class: "tag wait", text: "not mapped" }));
  });
  const ship = order.ship_by ? [node("span", { class: "soft", text: `hand over by ${time(order.ship_by)}` })] : [];
  const button = node("button", { type: "button", "aria-expanded": String(order.chosen) }, head, ...lines, ...ship);
  button.addEventListener("click", () => choose(order.chosen ? null : order.order_ref));
  const card = node("li", { class: order.chosen ? "chosen" : null }, button);
  if (order.chosen && order.history) {
    const steps = order.history.map((step) =>
      node("li", { text: [time(step.at), step.what.replace("_", " "), step.detail].filter(Boolean).join(" · ") }));
    card.append(node("ul", { class: "history", "aria-label": "History" }, ...steps));
  }
  return card;
}

async function choose(orderRef, sent = false) {
  chosen = orderRef;
  revealed = "";
  pageFollows = sent;
  seen.entries = [];
  drawOrders();
  drawLedger();
  if (orderRef) await refreshChosen();
}

function drawStock() {
  const names = new Map(offer.contacts.map((contact) => [contact.group_id, contact.city]));
  draw($("stock"), seen.stock, (item) => item.sku, (item) => {
    const figure = (value, warn) => node("td", { class: warn ? "n warn" : "n", text: String(value) });
    return node("tr", {},
      node("th", { scope: "row", class: "id", text: item.sku }),
      node("td", { text: names.get(item.group_id) || item.group_id }),
      figure(item.on_hand), figure(item.available), figure(item.reserved), figure(item.short, item.short > 0));
  });
}

// --- the channels: what buyers see there, and selling

const figures = (channels) => new Map(channels.map((entry) => [`${entry.marketplace} ${entry.listing}`, entry]));

function drawChannels() {
  const shelves = new Map(seen.stock.map((item) => [item.sku, item]));
  const at = figures(seen.channels);
  const listings = [...new Set(seen.channels.map((entry) => entry.listing))];
  const rows = listings.map((listing) => {
    const shelf = shelves.get(listing); // the demo lists each product under its SKU
    const free = shelf ? Math.max(0, shelf.available - shelf.buffer) : null;
    const shown = Object.keys(CHANNELS).map((marketplace) => {
      const entry = at.get(`${marketplace} ${listing}`);
      return { marketplace, quantity: entry ? entry.quantity : null, since: entry ? entry.updated_at : null };
    });
    return { listing, free, shown };
  });
  draw($("channels"), rows, (row) => row.listing, renderListing);
}

function renderListing(row) {
  const figure = (value, more = {}) => node("td", { class: "n", ...more, text: value === null ? "–" : String(value) });
  const buttons = row.shown.map(({ marketplace }) => {
    const button = node("button", {
      type: "button",
      "data-channel": marketplace,
      "aria-label": `Sell one ${row.listing} on ${CHANNELS[marketplace]}`,
      text: CHANNELS[marketplace],
    });
    button.addEventListener("click", () => sell(marketplace, row.listing));
    return button;
  });
  return node("tr", {},
    node("th", { scope: "row", class: "id", text: row.listing }),
    figure(row.free),
    ...row.shown.map(({ quantity, since }) => figure(quantity, {
      class: quantity === row.free ? "n" : "n warn",
      title: since ? `since ${time(since)}` : null,
    })),
    node("td", {}, ...buttons));
}

// A sale, and how long the other channel takes to show it.
async function sell(marketplace, listing) {
  const other = Object.keys(CHANNELS).find((name) => name !== marketplace);
  const figure = (channels) => (figures(channels).get(`${other} ${listing}`) || {}).quantity;
  try {
    const before = figure(await get("/local/channels"));
    const began = performance.now();
    const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
    const sale = await post("/local/sell", { marketplace, sku: listing, quantity: 1 });
    if (sale.status !== 200) throw new Error(`${CHANNELS[marketplace]} was answered ${sale.status}`);
    $("sold").textContent = `Sold one ${listing} on ${CHANNELS[marketplace]}…`;
    choose(sale.order_ref).catch(() => {}); // the next round draws it
    while (performance.now() - began < FIGURE_SECONDS * 1000) {
      const channels = await get("/local/channels");
      if (figure(channels) !== before) {
        seen.channels = channels;
        drawChannels();
        $("sold").textContent = `Sold one ${listing} on ${CHANNELS[marketplace]}. `
          + `${CHANNELS[other]} showed ${before}, and ${figure(channels)} after ${seconds()} s.`;
        return;
      }
      await new Promise((resolve) => { setTimeout(resolve, 150); });
    }
    $("sold").textContent = `Sold one ${listing} on ${CHANNELS[marketplace]}. `
      + `${CHANNELS[other]} still shows ${before} after ${FIGURE_SECONDS} s.`;
  } catch (error) {
    $("sold").textContent = `Not sold: ${error.message}`;
  }
}

// --- the phones: what came, where its parts end, what was said of it, and answering

function drawPhones() {
  const count = seen.phones.filter((text) => text.reached).length;
  $("phones-count").textContent = count ? `(${count} text${count === 1 ? "" : "s"})` : "";
  const records = new Map(seen.notifications.map((record) => [record.notification_id, record]));
  const phones = new Map(offer.contacts.map((contact) => [contact.phone, contact]));
  for (const text of seen.phones) if (!phones.has(text.to)) phones.set(text.to, { phone: text.to, name: text.to });
  const rows = [...phones.values()].map((contact) => ({
    ...contact,
    known,
    texts: seen.phones.filter((text) => text.to === contact.phone).reverse().map((text) => ({
      ...text,
      kind: (records.get(text.notification_id) || {}).kind,
      locale: (records.get(text.notification_id) || {}).locale || contact.locale,
      heard: (records.get(text.notification_id) || {}).heard,
    })),
  })).filter((row) => row.slot === "leader" || row.texts.length);
  draw($("phones"), rows, (phone) => phone.phone, renderPhone);
}

// The letters as a person sees them: a border that falls inside one cuts it apart on a phone that shows parts apart.
function letters(text, locale) {
  if (!Intl.Segmenter) return [...text].map((letter, at, all) => [all.slice(0, at).join("").length, letter]);
  return [...new Intl.Segmenter(locale, { granularity: "grapheme" }).segment(text)].map((one) => [one.index, one.segment]);
}

// The text with a border behind each part but the last.
function inParts(text, ends, locale) {
  const borders = ends.slice(0, -1);
  const pieces = [];
  let plain = "";
  const add = (piece) => {
    if (plain) pieces.push(plain);
    plain = "";
    pieces.push(piece);
  };
  const border = (number) => node("span", { class: "border", lang: "en", dir: "ltr", text: `part ${number} ends` });
  for (const [at, letter] of letters(text, locale)) {
    const within = borders.findIndex((end) => at < end && end < at + letter.length);
    const before = borders.indexOf(at);
    if (before >= 0) add(border(before + 1));
    if (within >= 0) {
      add(node("span", { class: "cut", title: `part ${within + 1} ends inside this letter`, text: letter }));
      add(border(within + 1));
    } else plain += letter;
  }
  if (plain) pieces.push(plain);
  return pieces;
}

function renderText(text) {
  const parts = `${text.parts} part${text.parts === 1 ? "" : "s"}`;
  const [tone, words] = RECEIPTS[text.receipt] || ["wait", text.receipt ? text.receipt.toLowerCase() : "nothing said of it yet"];
  const heard = text.heard ? `${text.heard.what.replace("_", " ")}, by ${text.heard.how.replace("_", " ")}` : "";
  return node("li", { class: text.reached ? null : "lost" },
    node("p", { lang: text.locale, dir: text.locale === "ur" ? "rtl" : null }, ...inParts(text.text, text.part_ends, text.locale)),
    node("p", { class: "soft" },
      [text.kind ? text.kind.replaceAll("_", " ").toLowerCase() : "", time(text.received_at), parts].filter(Boolean).join(" · ") + " ",
      node("span", { class: `tag ${tone}`, title: text.detail, text: words }),
      heard ? node("span", { class: "tag good", text: heard }) : null));
}

function renderPhone(phone) {
  const texts = phone.texts.map(renderText);
  const about = [phone.contact, SLOTS[phone.slot], phone.city, LANGUAGES[phone.locale]].filter(Boolean).join(" · ");
  const answers = [["1", "Reply 1"], ["2", "Reply 2"], ["", "Missed call"]].map(([said, words]) => {
    const button = node("button", {
      type: "button", "data-answer": said || "call", "aria-label": `${words} from ${phone.contact || phone.phone}`, text: words,
    });
    button.addEventListener("click", () => answer(phone.phone, said));
    return button;
  });
  return node("li", { class: "phone" },
    node("h3", { lang: phone.locale, text: phone.name }),
    node("p", { class: "soft", text: about || phone.phone }),
    texts.length ? node("ul", { class: "texts", tabindex: "0", "aria-label": `Texts to ${phone.contact || phone.name}` }, ...texts)
      : node("p", { class: "empty", text: phone.known ? "No text yet." : "" }),
    node("div", { class: "answers" }, ...answers));
}

async function answer(phone, said) {
  const what = said ? `Replied ${said}` : "Called and hung up";
  try {
    const told = await post(said ? "/local/phones/reply" : "/local/phones/missed-call", said ? { to: phone, text: said } : { to: phone });
    $("phone-answer").textContent = told.status === 200 ? `${what}.` : `${what}: ${told.status} ${inWords(told.answer)}`;
  } catch (error) {
    $("phone-answer").textContent = `Not said: ${error.message}`;
  }
}

async function setFault(event) {
  event.preventDefault();
  const select = $("fault");
  try {
    await post("/local/faults", { [select.value]: 1 });
    $("phone-answer").textContent = `The next text ${select.selectedOptions[0].textContent}.`;
  } catch (error) {
    $("phone-answer").textContent = error.message;
  }
}

function drawExceptions() {
  const open = seen.exceptions.filter((item) => !item.closed_at);
  $("exceptions-count").textContent = open.length ? `(${open.length})` : "";
  $("exceptions-empty").hidden = !known || open.length > 0;
  draw($("exceptions"), open, (item) => item.exception_id, (item) =>
    node("li", {},
      node("span", { class: "row" },
        node("span", { class: "tag wait", text: item.kind.replaceAll("_", " ") }),
        node("span", { class: "id", title: item.order_ref, text: item.order_ref ? short(shipmentOf(item.order_ref)) : "" }),
        node("span", { class: "soft", text: time(item.opened_at) })),
      node("p", { text: item.message }),
      node("p", { class: "soft", text: item.action })));
}

function drawLedger() {
  const none = chosen ? "Nothing yet: this order has not been delivered, and nothing of it was settled." :
    "Choose an order. When it is delivered, its expected split stands here; when it is settled, what it brought.";
  $("ledger-of").textContent = seen.entries.length ? `Order ${short(shipmentOf(chosen))}` : none;
  const order = seen.orders.find((candidate) => candidate.order_ref === chosen);
  const lines = new Map();
  for (const entry of seen.entries) {
    if (!lines.has(entry.line_id)) lines.set(entry.line_id, { line_id: entry.line_id, product: "", entries: [] });
    lines.get(entry.line_id).entries.push(entry);
  }
  for (const line of order ? order.lines : []) {
    const product = offer.products.find((candidate) => candidate.sku === line.sku);
    if (!lines.has(line.line_id)) continue;
    Object.assign(lines.get(line.line_id), { product: product ? product.title : line.sku || line.listing, returned: line.returned });
  }
  draw($("ledger"), [...lines.values()], (line) => line.line_id, renderSplit);
}

const groupName = (id) => {
  const group = seen.groups.find((candidate) => candidate.group_id === id);
  return group ? `${group.name} (${group.city})` : id;
};

// Paise of all postings to an account, or to those that are named after it.
function balance(entries, name) {
  return entries.flatMap((entry) => entry.postings)
    .filter((posting) => posting.account === name || posting.account.startsWith(`${name}:`))
    .reduce((total, posting) => total + posting.amount_paise, 0);
}

// A line's money: what the rate card says, and apart from it what the marketplace settled.
function renderSplit(line) {
  const expected = line.entries.filter((entry) => entry.kind === "EXPECTED");
  const settled = line.entries.filter((entry) => entry.kind !== "EXPECTED");
  return node("div", {},
    node("p", { class: "split" }, node("strong", { text: line.product || line.line_id })),
    expected.length ? renderExpected(expected) : null,
    settled.length ? renderSettled(settled, expected, line.returned) : null);
}

function renderPostings(entries) {
  return node("details", {}, node("summary", { text: "Postings (minus = owed to)" }), ...entries.map(renderEntry));
}

// What a line brought: one sentence of the bank, one of each group, and the entries behind them.
function renderSettled(entries, expected, back) {
  const bank = balance(entries, "marketplace_receivable");
  const missing = expected.length ? bank - balance(expected, "expected:marketplace_receivable") : 0;
  const owners = [...new Set(entries.flatMap((entry) => entry.postings)
    .map((posting) => posting.account.match(/^group_\w+:([^:]+)$/)).filter(Boolean).map((found) => found[1]))];
  const words = { held: "held", payable: "payable", debt: "owed by it", fund: "in its fund", credits: "when the state has paid it back" };
  const stands = owners.map((id) => {
    const parts = Object.entries(words).map(([name, said]) => [balance(entries, `group_${name}:${id}`) * (name === "debt" ? 1 : -1), said])
      .filter(([paise]) => paise).map(([paise, said]) => `${rupees(paise)} ${said}`);
    return `${groupName(id)}: ${parts.join(", ") || "nothing"}`;
  });
  const agency = -balance(entries, "agency_fee") - balance(entries, "agency_margin");
  return node("div", { class: "settled" },
    node("p", {}, node("span", { class: "tag good", text: "settled" }), ` ${[...stands, `agency ${rupees(agency)}`].join(" · ")}`),
    node("p", { class: "soft" }, `Into the bank ${rupees(bank)}; `, missing
      ? node("span", { class: "tag bad", text: `${rupees(missing)} against expected${back ? ", with what coming back costs" : ""}` })
      : expected.length ? "as expected." : "nothing was expected."),
    renderPostings(entries));
}

// What the buyer's price of a line should come to, over all of its entries: one sentence, and the postings behind it.
function renderExpected(entries) {
  const sum = (name) => balance(entries, `expected:${name}`);
  const owners = [...new Set(entries.flatMap((entry) => entry.postings).map((posting) => posting.account.split(":"))
    .filter((parts) => parts[1] === "group").map((parts) => parts[2]))];
  const owner = owners.map(groupName).join(", ");
  const withheld = sum("gst_input_fees") + sum("tcs_receivable") + sum("tds_receivable");
  const [bank, fees, later] = [sum("marketplace_receivable"), sum("fee"), -sum("group_credits")];
  const parts = [
    `${owner || "The group"} gets ${rupees(-sum("group"))}`,
    later ? `and ${rupees(later)} when the state has paid it back` : "",
    sum("group_fund") ? `${rupees(-sum("group_fund"))} into its fund` : "",
    `agency ${rupees(-sum("agency_fee") - sum("agency_margin"))}`,
    `marketplace fees ${rupees(fees)}`,
    `GST ${rupees(-sum("output_gst"))}`,
  ].filter(Boolean).join(" · ");
  return node("div", {},
    node("p", {}, node("span", { class: "tag wait", text: "expected" }), ` Of ${rupees(bank + fees + withheld)}: ${parts}`),
    node("p", { class: "soft", text: `Into the bank ${rupees(bank)}; withheld, and back from the state later, ${rupees(withheld)}.` }),
    renderPostings(entries));
}

function renderEntry(entry) {
  const sum = entry.postings.reduce((total, posting) => total + posting.amount_paise, 0);
  return node("table", {},
    node("caption", { text: `${entry.kind.replaceAll("_", " ").toLowerCase()} · ${time(entry.occurred_at)}` }),
    node("thead", {}, node("tr", {},
      node("th", { scope: "col", text: "Account" }), node("th", { scope: "col", class: "n", text: "Amount" }),
      node("th", { scope: "col", text: "Decided by" }))),
    node("tbody", {}, ...entry.postings.map((posting) =>
      node("tr", {},
        node("td", { text: posting.account }),
        node("td", { class: "n", text: rupees(posting.amount_paise) }),
        node("td", { class: "soft rate", text: String(posting.rate_row) })))),
    node("tfoot", {}, node("tr", {}, node("td", { text: "Sum" }), node("td", { class: "n", text: rupees(sum) }), node("td"))));
}

// --- the groups' money

const MONEY = ["held", "payable", "debt", "fund", "credits"];

function drawMoney() {
  const row = (name, of, tag) => node("tr", {}, node(tag, { scope: tag === "th" ? "row" : null, text: name }),
    ...MONEY.map((column) => node("td", { class: `n${column === "debt" && of.debt_paise ? " warn" : ""}`, text: rupees(of[`${column}_paise`]) })));
  const groups = seen.groups.map((group) => ({ ...group, payee: seen.payees[group.group_id] || null }));
  draw($("money"), groups, (group) => group.group_id, (group) => {
    const made = row(`${group.name} (${group.city})`, group, "th");
    made.firstElementChild.lang = group.locale;
    made.append(renderPayee(group.payee), renderStatements(group));
    return made;
  });
  const sum = Object.fromEntries(MONEY.map((column) =>
    [`${column}_paise`, seen.groups.reduce((total, group) => total + group[`${column}_paise`], 0)]));
  draw($("money-sum"), seen.groups.length ? [sum] : [], () => "sum", (of) => {
    const made = row("All groups", of, "td");
    made.append(node("td"), node("td"));
    return made;
  });
}

// An account by what may be seen of it, and whether it can be paid.
function renderPayee(payee) {
  if (!payee) return node("td", { class: "soft", text: "no account" });
  const trouble = payee.closed_at ? "closed" : !payee.confirmed_by ? "not confirmed"
    : payee.usable_from > new Date().toISOString() ? `cools off until ${time(payee.usable_from)}` : "";
  return node("td", {},
    node("span", { class: "id", text: payee.account, title: `${payee.name}; ${payee.changed_by} entered it, ${payee.confirmed_by || "nobody"} confirmed it` }),
    ` ${payee.ifsc} `, trouble ? node("span", { class: "tag wait", text: trouble }) : null);
}

// In the group's language. A file is given out: the next one begins where it ends.
function renderStatements(group) {
  if (!group.entries) return node("td", { class: "soft", text: "nothing was booked" });
  const link = (format, words) => node("a", {
    href: `/api/groups/${encodeURIComponent(group.group_id)}/statement?format=${format}`,
    "aria-label": `${words} of ${group.name}, in ${LANGUAGES[group.locale]}`, text: words,
  });
  return node("td", {}, link("pdf", "PDF"), link("xlsx", "XLSX"), node("span", { class: "soft", text: LANGUAGES[group.locale] }));
}

// --- paying the groups

const BATCH_TONE = { COMPLETED: "good", CANCELLED: "bad", DRAFT: "wait", CLOSED: "wait" };
const ROW_TONE = { PAID: "good", REJECTED: "bad", RETURNED: "bad", IN_TRANSIT: "wait" };

function drawBatches() {
  $("payouts-count").textContent = seen.batches.length ? `(${seen.batches.length})` : "";
  $("payouts-empty").hidden = !known || seen.batches.length > 0;
  draw($("batches"), seen.batches, (batch) => batch.batch_id, renderBatch);
  const said = bankSaid || { file: "", content: "" };
  $("enter-answer").disabled = !bankSaid;
  $("bank-files").hidden = !bankSaid;
  $("bank-files-title").textContent = said.file ? `${said.file}: what the bank says` : "";
  $("bank-file").textContent = said.content;
}

function renderBatch(batch) {
  const who = [["closed by", batch.closed_by || batch.made_by], ["approved by", batch.approved_by], ["given out by", batch.filed_by]]
    .filter(([, person]) => person).map(([what, person]) => `${what} ${person}`).join(" · ");
  const proof = (name, text) => (text ? node("p", { class: "soft" }, `${name} `, node("span", { class: "id", title: text, text: `${text.slice(0, 16)}…` })) : null);
  const rows = batch.rows.map((row) => node("tr", {},
    node("th", { scope: "row", text: groupName(row.group_id) }),
    node("td", { class: "n", text: rupees(row.amount_paise) }),
    node("td", { class: "id", text: `••••${row.last_four}` }),
    node("td", {}, node("span", { class: `tag ${ROW_TONE[row.state] || ""}`, text: row.state.replace("_", " ") })),
    node("td", { class: "id", text: row.utr || "" }),
    node("td", { class: "soft", text: row.reason || "" })));
  const heads = [["Group"], ["Amount", "n"], ["Account"], ["State"], ["Bank reference"], ["Reason"]];
  return node("li", {},
    node("span", { class: "row" },
      node("span", { class: "grow id", text: batch.batch_id }),
      node("span", { text: `${batch.count} group${batch.count === 1 ? "" : "s"}, ${rupees(batch.control_total)}` }),
      node("span", { class: `tag ${BATCH_TONE[batch.state] || ""}`, text: batch.state })),
    node("p", { class: "soft", text: who }),
    proof("Digest of the rows", batch.digest),
    batch.file_name ? proof(`${batch.file_name}, SHA-256`, batch.file_sha256) : null,
    ["FILED", "COMPLETED"].includes(batch.state)
      ? node("p", {}, node("a", { href: `/api/payouts/${encodeURIComponent(batch.batch_id)}/file`, text: `Fetch ${batch.file_name}` })) : null,
    node("details", {}, node("summary", { text: "Rows" }), node("div", { class: "scroll" }, node("table", {},
      node("thead", {}, node("tr", {}, ...heads.map(([text, kind]) => node("th", { scope: "col", class: kind, text })))),
      node("tbody", {}, ...rows)))));
}

const newest = (...states) => seen.batches.find((batch) => states.length === 0 || states.includes(batch.state));

// The person who is chosen beside the buttons does it; a refusal says why.
async function operate(path, body = {}) {
  const answer = await fetch(path, {
    method: "POST", headers: { ...HEADERS, "X-Local-User": $("person").value }, body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`Refused: ${said.detail || said.title || answer.status}`);
  return said;
}

async function withBatch(doing, states, work) {
  const buttons = [...document.querySelectorAll(".payouts .acts button")];
  buttons.forEach((button) => { button.disabled = true; });
  $("payouts-answer").textContent = doing;
  try {
    const batch = states ? newest(...states) : null;
    if (states && !batch) throw new Error("There is no batch for that.");
    $("payouts-answer").textContent = await work(batch);
  } catch (error) {
    $("payouts-answer").textContent = error.message;
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
    drawBatches();
    await refresh();
    await refreshPayees();
  }
}

const stepOf = (batch, step) => `/api/payouts/${encodeURIComponent(batch.batch_id)}/${step}`;

async function closePeriod() {
  const said = await operate("/api/payouts/close");
  await get("/local/quiet?timeout=60");
  return `Closed as ${said.batch_id}. Another person approves it.`;
}

async function approve(batch) {
  const said = await operate(stepOf(batch, "approve"), batch.digest ? { digest: batch.digest } : {});
  return `Approved: ${said.file_name}, SHA-256 ${said.file_sha256.slice(0, 16)}…`;
}

async function withdraw(batch) {
  await operate(stepOf(batch, "withdraw"));
  return "The approval is taken back.";
}

async function giveOut(batch) {
  const said = await operate(stepOf(batch, "submit"));
  return `${said.file_name} is given out. It can be fetched, and the bank has it when it answers.`;
}

// The file is fetched and uploaded as it is, count and total beside it.
async function bankAnswers(batch) {
  const answer = await fetch(stepOf(batch, "file"), { cache: "no-store" });
  if (!answer.ok) throw new Error(`Its file was not given out: ${answer.status}`);
  const upload = { file: batch.file_name, content: await answer.text(), count: batch.count, total_paise: batch.control_total };
  const rows = upload.content.split("\r\n").slice(0, -1).map((line) => line.split(",")[0]);
  const [first, last] = [rows[0], rows[rows.length - 1]];
  const how = $("bank").value;
  if (how === "rejects") upload.reject = { [last]: "INVALID ACCOUNT NUMBER" };
  bankSaid = await post("/local/bank", upload);
  const more = { wrong: { wrong: first }, unknown: { unknown: true }, returns: { send_back: { [first]: "ACCOUNT CLOSED" }, days: 3 } }[how];
  if (more) bankSaid = await post("/local/bank", { file: batch.file_name, ...more });
  bankSaid.batch = batch;
  const paid = bankSaid.rows.filter((row) => row.state === "E").length;
  return `${bankSaid.file}: ${paid} paid, ${bankSaid.rows.length - paid} not. Nobody has entered it yet.`;
}

async function enterAnswer() {
  const { batch, file, content } = bankSaid;
  const said = await operate(stepOf(batch, "paid"), { layout: batch.file_layout, file, content });
  bankSaid = null;
  await get("/local/quiet?timeout=60");
  return `${said.results} result${said.results === 1 ? "" : "s"} booked.`;
}

async function refreshBatches() {
  const batches = await all("/api/payouts");
  seen.batches = await Promise.all(batches.slice(0, 6).map(async (batch) => {
    const whole = await get(`/api/payouts/${encodeURIComponent(batch.batch_id)}?limit=100`);
    return { ...whole, rows: whole.rows.items };
  }));
}

// Seldom: accounts change seldom.
async function refreshPayees() {
  const found = await Promise.all(seen.groups.map(async ({ group_id: id }) => {
    const answer = await fetch(`/api/groups/${encodeURIComponent(id)}/beneficiary`, { cache: "no-store" });
    return [id, answer.ok ? await answer.json() : null];
  }));
  seen.payees = Object.fromEntries(found);
  drawMoney();
}

function drawSettlements() {
  $("settlements-count").textContent = seen.settlements.length ? `(${seen.settlements.length})` : "";
  $("settlements-empty").hidden = !known || seen.settlements.length > 0;
  $("settlements-table").hidden = seen.settlements.length === 0;
  const rows = seen.settlements.map((item) => {
    const name = `${item.marketplace}#${item.account}#${item.settlement_id}`;
    return { ...item, name, where: proof ? proof.get(name) || null : null };
  });
  draw($("settlements"), rows, (row) => row.name, (row) => {
    const parts = row.where && row.where.total === row.total_paise
      ? [row.where.matched, row.where.agency, row.where.suspense].map(rupees) : ["", "", ""];
    const files = row.files.map((file) => file.name).join(", ");
    return node("tr", {},
      node("td", { text: `${CHANNELS[row.marketplace] || row.marketplace}, ${row.account}` }),
      node("td", { class: "id", title: files, text: row.reference || row.settlement_id }),
      node("td", { text: row.paid_at ? time(row.paid_at) : "" }),
      node("td", { class: "n", text: String(row.lines) }),
      node("td", { class: "n", text: rupees(row.total_paise) }),
      ...parts.map((text) => node("td", { class: "n", text })));
  });
}

// One act at a time; what it says stands beside the buttons.
async function withMoney(doing, work) {
  const buttons = [$("pay"), $("end-holds"), $("prove")];
  buttons.forEach((button) => { button.disabled = true; });
  $("money-answer").textContent = doing;
  try {
    $("money-answer").textContent = await work();
  } catch (error) {
    $("money-answer").textContent = error.message;
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
    await refresh();
  }
}

// The marketplace makes the file; it is handed in as an operator does it.
async function pay() {
  const made = await post("/local/settlements", {});
  const bytes = Uint8Array.from(atob(made.content), (letter) => letter.charCodeAt(0));
  const query = new URLSearchParams({ marketplace: made.marketplace, account: made.account, file: made.file });
  const answer = await fetch(`/api/settlements?${query}`, {
    method: "POST", headers: { "X-Local-User": "maker", "Content-Type": "application/octet-stream" }, body: bytes,
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail || said.title || String(answer.status));
  const wrong = made.rows.some((row) => row.what === "sale") ? " One shipping fee in it is ₹20.00 too high." : "";
  return `${made.file}: ${said.lines} rows, ${rupees(made.bank_paise)} into the bank.${wrong}`;
}

async function endHolds() {
  try {
    await post("/local/clock", { ahead_seconds: MONTH_SECONDS });
    const at = new Date(Date.now() + MONTH_SECONDS * 1000).toISOString();
    await post(`/local/sweep?at=${encodeURIComponent(at)}`, {});
    await get("/local/quiet?timeout=60");
  } finally {
    await post("/local/clock", { ahead_seconds: 0 });
  }
  return "A month went by and came back: what was held is payable.";
}

async function prove() {
  const said = await get("/local/audit");
  proof = new Map(said.settlements.map((settlement) => [settlement.name, settlement]));
  const entries = said.books.reduce((total, book) => total + book.entries, 0);
  return said.proved ? `Proved: ${said.books.length} books, ${entries} entries, to the paisa.`
    : `Not proved: ${said.faults.map((fault) => fault.text).join("; ")}`;
}

// --- the form

function currentOffer() {
  return offer.messages.find((message) => message.id === $("message").value) || { kind: "again" };
}

function showFields() {
  const { kind, sku } = currentOffer();
  $("order-field").hidden = !["step", "lines"].includes(kind);
  $("sku-field").hidden = kind !== "created" || Boolean(sku);
  $("quantity-field").hidden = kind !== "created";
  $("shipment-field").hidden = !["created", "two"].includes(kind);
  $("lines-field").hidden = kind !== "lines";
  drawLines();
}

function fillOrderChoice() {
  const select = $("order");
  const before = chosen || select.value;
  const ours = `${offer.account.replace("/", ":")}:`; // the form speaks for one account
  const rows = seen.orders.filter((order) => order.order_ref.startsWith(ours)).map((order) => ({
    order_ref: order.order_ref,
    text: `${short(shipmentOf(order.order_ref))} · ${order.state} · ${order.lines.map((line) => line.sku || line.listing).join(", ") || "no lines yet"}`,
  }));
  // Sent a moment ago: what is said next is about this order, also before the board shows it.
  if (chosen && chosen.startsWith(ours) && !rows.some((row) => row.order_ref === chosen)) {
    rows.unshift({ order_ref: chosen, text: `${short(shipmentOf(chosen))} · just sent` });
  }
  draw(select, rows, (row) => row.order_ref, (row) => node("option", { value: row.order_ref, text: row.text }));
  if (rows.some((row) => row.order_ref === before)) select.value = before;
  drawLines();
}

function drawLines() {
  const { kind, all_units: allUnits } = currentOffer();
  const order = seen.orders.find((candidate) => candidate.order_ref === $("order").value);
  const lines = kind === "lines" && order ? order.lines : [];
  const rows = lines.map((line) => ({ id: line.line_id, name: line.sku || line.listing, open: line.quantity - line.cancelled, allUnits }));
  draw($("lines"), rows, (row) => row.id, (row) => {
    const id = `units-${row.id}`;
    return node("div", {},
      node("label", { for: id, text: `${row.name} (${row.open} open)` }),
      node("input", { id, type: "number", min: "0", max: "999", value: String(row.allUnits ? row.open : Math.min(1, row.open)), "data-line": row.id }));
  });
}

function edits() {
  const { kind, sku } = currentOffer();
  const made = {};
  if (kind === "created") made.items = [{ sku: sku || $("sku").value, quantity: Number($("quantity").value) }];
  if (kind === "created" || kind === "two") made.shipment = $("shipment").value.trim();
  if (kind === "step" || kind === "lines") made.shipment = $("order").value ? shipmentOf($("order").value) : "";
  if (kind === "lines") {
    made.items = [...$("lines").querySelectorAll("input")]
      .map((input) => ({ order_item_id: input.dataset.line, quantity: Number(input.value) }))
      .filter((item) => item.quantity > 0);
  }
  return made;
}

// The stack answers in JSON; a person reads words.
function inWords(text) {
  try {
    const said = JSON.parse(text);
    if (said.delivery_id) return `${said.status}, delivery ${short(said.delivery_id)}`;
    return [said.title, said.detail, said.message].filter(Boolean).join(": ") || text;
  } catch {
    return text;
  }
}

function showAnswer(status, text, sent) {
  const box = $("answer");
  box.hidden = false;
  box.classList.toggle("refused", status !== 200);
  $("answer-status").textContent = status === 0 ? "Not sent:" : `${status}`;
  $("answer-text").textContent = text;
  $("answer-sent").textContent = sent ? JSON.stringify(sent, null, 2) : "";
  box.querySelector("details").hidden = !sent;
}

async function send(event) {
  event.preventDefault();
  $("send-button").disabled = true;
  const { kind } = currentOffer();
  try {
    const answer = await post("/local/send", { message: $("message").value, edits: edits() });
    showAnswer(answer.status, inWords(answer.answer) || "(no words)", answer.sent);
    const shipment = answer.sent.body.shipmentId;
    if (answer.status === 200 && shipment && kind !== "again") {
      if (["created", "two"].includes(kind)) $("shipment").value = ""; // the next order is another one
      await choose(`${offer.account.replace("/", ":")}:${shipment}`, true);
    }
  } catch (error) {
    showAnswer(0, error.message);
  } finally {
    $("send-button").disabled = false;
  }
}

async function act(path, doing, done) {
  const buttons = [$("map"), $("redeploy")];
  buttons.forEach((button) => { button.disabled = true; });
  $("act-answer").textContent = doing;
  try {
    const answer = await post(path, {});
    $("act-answer").textContent = `${done} (${answer.seconds} s)`;
  } catch (error) {
    $("act-answer").textContent = error.message;
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

function fillForm() {
  const sections = new Map();
  for (const message of offer.messages) {
    if (!sections.has(message.section)) sections.set(message.section, node("optgroup", { label: message.section }));
    sections.get(message.section).append(node("option", { value: message.id, text: message.title }));
  }
  $("message").replaceChildren(...sections.values());
  $("sku").replaceChildren(...offer.products.map((product) =>
    node("option", { value: product.sku, text: `${product.title}, ₹${product.price}` })));
  showFields();
}

// --- keeping up

// One round at a time; what changes during a round asks for one more.
let reading = false;
let again = false;

async function refresh() {
  if (reading) {
    again = true;
    return;
  }
  reading = true;
  try {
    do {
      again = false;
      const [orders, stock, phones, exceptions, channels, notifications, groups, settlements] = await Promise.all([
        all("/api/orders"), all("/api/stock"), get("/local/phones/texts"), all("/api/exceptions?state=open"),
        get("/local/channels"), all("/api/notifications"), all("/api/groups"), all("/api/settlements"),
      ]);
      const details = new Map(seen.orders.map((order) => [order.order_ref, order.history]));
      seen.orders = orders.map((order) => ({ ...order, history: order.history || details.get(order.order_ref) }));
      await refreshBatches();
      Object.assign(seen, { stock, phones, exceptions, channels, notifications, groups, settlements });
      known = true;
      drawOrders();
      drawStock();
      drawChannels();
      drawPhones();
      drawExceptions();
      drawMoney();
      drawSettlements();
      drawBatches();
      if (Object.keys(seen.payees).length === 0 && groups.length) await refreshPayees();
      await refreshChosen();
      status("live", "live");
    } while (again);
  } catch (error) {
    status("lost", error.message);
  } finally {
    reading = false;
  }
}

async function refreshChosen() {
  const of = chosen;
  if (!of || !seen.orders.some((order) => order.order_ref === of)) return;
  const [order, entries] = await Promise.all([
    get(`/api/orders/${encodeURIComponent(of)}`), all(`/api/ledger/entries?order_ref=${encodeURIComponent(of)}`),
  ]);
  if (of !== chosen) return;
  seen.orders = seen.orders.map((known) => (known.order_ref === of ? order : known));
  seen.entries = entries;
  drawOrders();
  drawLedger();
}

function status(tone, text) {
  if ($("status-text").textContent === text) return;
  $("status").className = `status ${tone}`;
  $("status-text").textContent = text;
}

function follow() {
  const stream = new EventSource("/local/events");
  stream.addEventListener("change", refresh);
  stream.addEventListener("error", () => status("lost", "connection lost, trying again…"));
  stream.addEventListener("open", refresh);
}

async function start() {
  $("send").addEventListener("submit", send);
  $("message").addEventListener("change", () => {
    $("quantity").value = "1";
    showFields();
  });
  $("order").addEventListener("change", () => choose($("order").value));
  $("faults").addEventListener("submit", setFault);
  $("map").addEventListener("click", () => act("/local/map", "Importing…", "Mapped; what waited goes on"));
  $("redeploy").addEventListener("click", () => act("/local/redeploy", "Deploying, half a minute…", "Deployed"));
  $("pay").addEventListener("click", () => withMoney("The marketplace adds up…", pay));
  $("end-holds").addEventListener("click", () => withMoney("A month goes by…", endHolds));
  $("prove").addEventListener("click", () => withMoney("Every entry is added up again…", prove));
  $("close-period").addEventListener("click", () => withBatch("All that is payable is collected…", null, closePeriod));
  $("approve").addEventListener("click", () => withBatch("The file is made…", ["CLOSED"], approve));
  $("withdraw").addEventListener("click", () => withBatch("Taking it back…", ["APPROVED"], withdraw));
  $("submit").addEventListener("click", () => withBatch("The file is made once more…", ["APPROVED"], giveOut));
  $("bank-answers").addEventListener("click", () => withBatch("The bank works…", ["FILED", "COMPLETED"], bankAnswers));
  $("enter-answer").addEventListener("click", () => withBatch("Booking…", null, enterAnswer));
  offer = await get("/local/messages");
  fillForm();
  drawPhones();
  follow();
  setInterval(refresh, 15000); // what came by the command line
}

start().catch((error) => status("lost", error.message));
