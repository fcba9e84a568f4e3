"use strict";
// The page works without this file. With it a file is sent as soon as it is chosen, dropped or
// pasted, the work tells how far it is, and heat maps and moments of a clip come on demand.

const at = (id) => document.getElementById(id);
const form = at("ask"), file = at("file"), drop = at("drop"), answer = at("answer");
const work = at("work"), progress = at("progress"), words = at("words"), status = at("status");
const MOST_TRIES = 20;
const SPOKEN_EVERY = 3000; // milliseconds: a screen reader is not talked over
const TITLE = document.title;
let asked = null, running = null, timer = 0, address = "", spoken = 0;

document.documentElement.classList.add("has-script");

function say(text, share) {
  words.textContent = text;
  if (share === undefined) progress.removeAttribute("value"); else progress.value = share;
  if (Date.now() - spoken > SPOKEN_EVERY) { status.textContent = text; spoken = Date.now(); }
}

function busy(is) {
  work.hidden = !is;
  form.setAttribute("aria-busy", String(is));
  if (!is) { running = null; clearTimeout(timer); }
}

function look(chosen, tries = 0) {
  if (!chosen) return;
  stop();
  forget();
  asked = chosen;
  if (chosen !== file.files[0]) file.value = ""; // dropped or pasted: the name beside it is old
  if (chosen.size > Number(form.dataset.largest)) {
    const most = Math.round(Number(form.dataset.largest) / 1e6);
    return fail({ detail: `${chosen.name || "The file"} is too large.`, expected: `at most ${most} MB`, fix: "cut the clip or make the photo smaller" });
  }
  busy(true);
  spoken = 0;
  say(`Sending ${chosen.name || "the picture"}`, 0);
  const request = running = new XMLHttpRequest();
  let read = 0, done = false;
  request.open("POST", form.dataset.look);
  request.upload.onprogress = (event) => say("Sending", 0.2 * event.loaded / event.total);
  request.upload.onload = () => say("Looking");
  const take = () => {
    if (request.status !== 200) return;
    const text = request.responseText, end = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(read, end).split("\n")) {
      if (!line) continue;
      const told = JSON.parse(line);
      if (told.html !== undefined) { done = true; show(told.html); }
      else if (told.error) { done = true; fail(told.error); }
      else say(told.words[0].toUpperCase() + told.words.slice(1), 0.2 + 0.8 * told.share);
    }
    read = end;
  };
  request.onprogress = take;
  request.onload = () => {
    if (request.status === 429 && tries < MOST_TRIES) return again(chosen, tries, request);
    if (request.status !== 200) return fail(error(request));
    take();
    if (!done) fail({ detail: "The answer broke off.", fix: "send the file once more" });
  };
  request.onerror = () => fail({ detail: "The page cannot be reached.", fix: "see whether it still runs, and send the file once more" });
  request.send(fields(chosen));
}

function fields(chosen, more = {}) {
  const data = new FormData();
  data.append("file", chosen, chosen.name || "pasted picture");
  for (const [name, value] of Object.entries(more)) data.append(name, value);
  return data;
}

function error(request) {
  try { return JSON.parse(request.responseText).error; }
  catch { return { detail: `The page answered ${request.status}.`, fix: "try again in a moment" }; }
}

function again(chosen, tries, request) {
  const seconds = Number(request.getResponseHeader("Retry-After")) || 2;
  say(`Many ask at once. Trying again in ${seconds} ${seconds === 1 ? "second" : "seconds"}`);
  timer = setTimeout(() => look(chosen, tries + 1), 1000 * seconds);
}

function stop() {
  if (running) { running.onload = running.onerror = running.onprogress = null; running.abort(); }
  busy(false);
}

function forget() {
  answer.replaceChildren();
  document.title = TITLE;
  if (address) URL.revokeObjectURL(address);
  address = "";
}

function show(html) {
  busy(false);
  answer.innerHTML = html; // written and escaped by the page's own template
  const title = at("verdict");
  document.title = `${title.textContent.trim()}: ${asked.name || "picture"} · Unmask`;
  status.textContent = "";
  preview();
  title.focus({ preventScroll: true });
  answer.scrollIntoView({ block: "start" });
}

function fail(problem) {
  busy(false);
  const box = at("problem").content.cloneNode(true);
  box.querySelector("[data-detail]").textContent = problem.detail;
  for (const name of ["expected", "fix"]) {
    const line = box.querySelector(`[data-${name}]`);
    if (problem[name]) line.querySelector("span").textContent = problem[name]; else line.remove();
  }
  answer.replaceChildren(box);
  document.title = "No verdict · Unmask";
  answer.focus({ preventScroll: true });
  answer.scrollIntoView({ block: "nearest" });
}

function preview() {
  const place = answer.querySelector("[data-preview]");
  if (!place) return;
  const video = document.createElement("video");
  Object.assign(video, { controls: true, muted: true, playsInline: true, preload: "metadata" });
  video.setAttribute("aria-label", "Your clip");
  video.addEventListener("loadedmetadata", () => { place.hidden = false; });
  video.addEventListener("error", () => { // no codec for it here: the moments stay as text
    place.remove();
    for (const button of answer.querySelectorAll("[data-seek]")) {
      const text = document.createElement("b");
      text.textContent = button.textContent;
      button.replaceWith(text);
    }
  });
  address = URL.createObjectURL(asked);
  video.src = address;
  place.append(video);
}

async function heat(button) {
  const number = button.dataset.heat, shown = button.closest("article"); // another may come meanwhile
  const told = shown.querySelector(`[data-heat-words="${number}"]`);
  const tell = (text) => {
    told.textContent = text;
    told.hidden = false;
    if (shown.isConnected) status.textContent = text;
  };
  const failed = (text) => {
    tell(text);
    button.disabled = false;
    button.textContent = "Try again";
  };
  button.disabled = true;
  button.textContent = "Looking once more";
  status.textContent = "Looking once more";
  try {
    const reply = await fetch(form.dataset.heatMap, { method: "POST", body: fields(asked, { person: number }) });
    const found = await reply.json();
    if (!reply.ok) return failed(`${found.error.detail} ${found.error.fix}`);
    const place = shown.querySelector(`[data-heat-place="${number}"]`), picture = place.querySelector("img");
    picture.src = found.picture;
    picture.alt = found.sentence;
    place.hidden = false;
    tell(found.sentence);
    told.tabIndex = -1;
    told.focus({ preventScroll: true }); // the button that had the focus goes away
    button.remove();
  } catch { // no connection, or a proxy's own page
    failed("The page cannot be reached.");
  }
}

form.addEventListener("submit", (event) => { event.preventDefault(); look(file.files[0]); });
file.addEventListener("click", () => { file.value = ""; }); // the same file may be chosen again
file.addEventListener("change", () => look(file.files[0]));
at("stop").addEventListener("click", () => { stop(); status.textContent = "Stopped"; file.focus(); });
document.addEventListener("paste", (event) => look(event.clipboardData.files[0]));
document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  look(event.dataTransfer.files[0]);
});
answer.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.heat !== undefined) heat(button);
  const video = answer.querySelector("video");
  if (button.dataset.seek !== undefined && video) {
    video.currentTime = Number(button.dataset.seek);
    video.scrollIntoView({ block: "nearest" });
  }
});
