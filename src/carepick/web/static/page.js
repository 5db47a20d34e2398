// Makes the page smoother; everything that matters works without it. What was typed stays in this page's memory.
"use strict";

const PARTS = [".skip", "header", "main", "footer"];
const shown = [partsOf(document)]; // one entry for each step back in the history

function partsOf(page) {
  return {
    title: page.title,
    language: page.documentElement.lang,
    nodes: PARTS.map((part) => page.querySelector(part)),
  };
}

function show(parts) {
  document.title = parts.title;
  document.documentElement.lang = parts.language;
  PARTS.forEach((part, index) => document.querySelector(part).replaceWith(parts.nodes[index]));
  (document.querySelector("h1[tabindex]") || document.querySelector("main")).focus({ preventScroll: true });
  scrollTo(0, 0);
}

function adopt(parts) {
  shown.length = (history.state || 0) + 1;
  shown.push(parts);
  history.pushState(shown.length - 1, ""); // the address stays as it is: nothing that was typed goes into it
  show(shown.at(-1));
  unlock();
}

// Says what went wrong where it was asked for: under the text, or in the form of an alarm, from which nobody is led away.
function complain(form, sentence) {
  const asking = form.id === "ask";
  const problem = asking ? document.getElementById("problem") : form.querySelector(".problem") || failureOf(form);
  problem.textContent = sentence;
  if (asking) document.getElementById("text").setAttribute("aria-invalid", String(Boolean(sentence)));
  if (sentence) problem.scrollIntoView({ block: "center" });
}

function failureOf(form) {
  const problem = document.createElement("p");
  problem.className = "problem";
  problem.setAttribute("role", "alert");
  return form.appendChild(problem);
}

async function send(form, button) {
  const label = button.textContent;
  const body = new FormData(form);
  if (button.name) body.append(button.name, button.value);
  complain(form, "");
  document.body.setAttribute("aria-busy", "true");
  if (button.dataset.busy) button.textContent = button.dataset.busy;
  let sentence = document.getElementById("ask").dataset.offline;
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = partsOf(page);
    const ours = answer.ok && parts.nodes.every(Boolean); // and no page of a network that wants to be signed in to
    sentence = ours ? "" : page.getElementById("problem")?.textContent || sentence;
    if (ours) adopt(parts);
  } catch {
    // the sentence says that the server cannot be reached
  }
  document.body.removeAttribute("aria-busy");
  if (button.dataset.busy) button.textContent = label;
  if (sentence) complain(form, sentence);
}

// What only works in a browser that runs this: the time of writing, printing and copying.
function unlock() {
  const written = document.getElementById("written");
  if (!written) return;
  written.querySelector("dd").textContent = new Date().toLocaleString(document.documentElement.lang);
  written.hidden = false;
  const tools = document.querySelector(".tools");
  tools.hidden = false;
  tools.querySelector("[data-do=copy]").hidden = !navigator.clipboard;
}

// Whether somebody wrote this: an example takes the place of another one, never of a person's own words.
function isTyped(text) {
  const examples = [...document.querySelectorAll("[data-text]")].map((button) => button.dataset.text);
  return Boolean(text.trim()) && !examples.includes(text);
}

const actions = {
  print: () => print(),
  async copy(button) {
    await navigator.clipboard.writeText(document.getElementById("sheet").innerText);
    document.getElementById("told").textContent = button.dataset.done;
  },
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-swap]")) return;
  event.preventDefault();
  if (!document.body.hasAttribute("aria-busy")) send(form, event.submitter || form.querySelector("button"));
});

document.addEventListener("click", (event) => {
  const tapped = event.target.closest("[data-text], [data-do], a[href^='#']");
  if (!tapped) return;
  event.preventDefault(); // of a link within the page too: it would be a step in the history
  if (tapped.dataset.do) {
    actions[tapped.dataset.do](tapped);
    return;
  }
  const text = document.getElementById("text");
  if (tapped.dataset.text && !isTyped(text.value)) text.value = tapped.dataset.text;
  (tapped.hash ? document.querySelector(tapped.hash) : text).focus();
});

addEventListener("popstate", () => {
  const parts = shown[history.state || 0];
  if (parts) show(parts);
});

history.replaceState(0, "");
unlock();
