// Swaps the content in when there is news, so that nobody has to load the page
// again. While somebody is filling in a form, it leaves the page alone.
"use strict";

const main = () => document.querySelector("[data-live]");

// busy tells whether the reader has begun something that a swap would undo.
function busy() {
  const at = document.activeElement;
  if (at && main().contains(at) && at.matches("input:not([type=hidden]), select, textarea")) return true;
  return [...main().querySelectorAll("input")].some((i) =>
    i.type === "checkbox" ? i.checked !== i.defaultChecked : i.type !== "hidden" && i.value !== i.defaultValue);
}

let asking = false;
let again = false;

async function refresh() {
  if (asking) { again = true; return; }
  if (busy() || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { "Sendwarden-Refresh": "1" } });
    if (answer.status === 401) { location.reload(); return; }
    if (!answer.ok || busy()) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = next.querySelector("[data-live]");
    const said = main().querySelector(".said");
    const open = [...main().querySelectorAll("details")].map((d) => d.open);
    if (said) fresh.prepend(said);
    fresh.querySelectorAll("details").forEach((d, i) => { d.open = open[i] === true; });
    local(fresh);
    if (fresh.innerHTML !== main().innerHTML) main().replaceWith(document.adoptNode(fresh));
    const foot = next.querySelector("footer > p");
    local(foot);
    document.querySelector("footer > p").replaceWith(document.adoptNode(foot));
  } catch {
    // The daemon is away; the stream tells when it is back.
  } finally {
    asking = false;
    if (again) { again = false; setTimeout(refresh, 300); }
  }
}

// local writes moments in the reader's own zone, with the zone said.
const moment = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short", hour: "2-digit" });

function local(root) {
  for (const t of root.querySelectorAll("time[datetime], text[data-time]")) {
    const at = new Date(t.dateTime || t.dataset.time);
    const name = zone.formatToParts(at).find((p) => p.type === "timeZoneName");
    if (t.dateTime) t.title = t.textContent;
    t.textContent = moment.format(at) + " " + (name ? name.value : "");
  }
}

local(document);

const pulse = document.getElementById("pulse");
const news = new EventSource("/events");
news.addEventListener("hello", () => { pulse.hidden = true; });
news.addEventListener("news", refresh);
news.addEventListener("error", () => {
  pulse.hidden = false;
  pulse.textContent = "The daemon cannot be reached; what is shown may be old.";
});
document.addEventListener("visibilitychange", refresh);
