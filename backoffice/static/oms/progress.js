/* Keeps what a page says of open syncs current: asks every two seconds, until all of them are closed. */
"use strict";
(() => {
    const EVERY = 2000;
    const LONGEST = 60000;
    const status = new Map(); // id → last known status, to announce changes alone
    const address = document.getElementById("oms-press")?.dataset.omsProgress;
    let announcer;
    let pause = EVERY;

    const openIds = () => [...new Set(
        [...document.querySelectorAll("[data-oms-sync]")].map((part) => part.dataset.omsSync),
    )];

    function announce(text) {
        // Once per change of status: a voice that reads every page would be unbearable.
        announcer.textContent = text;
    }

    function show(sync) {
        for (const part of document.querySelectorAll(`[data-oms-sync="${sync.id}"]`)) {
            const html = sync.html[part.dataset.omsSlot];
            if (html !== undefined && part.omsShown !== html) {
                part.innerHTML = html;
                part.omsShown = html;
            }
            if (!sync.is_open) {
                delete part.dataset.omsSync;
            }
        }
        if (!sync.can_cancel) {
            document.querySelectorAll(`[data-oms-while-open="${sync.id}"]`).forEach((button) => button.remove());
            if (document.querySelector(`[data-oms-page-sync="${sync.id}"]`)) {
                document.querySelectorAll('[data-oms-button="cancel"]').forEach((button) => button.remove());
            }
        }
        if (status.has(sync.id) && status.get(sync.id) !== sync.status) {
            announce(sync.news);
        }
        status.set(sync.id, sync.status);
        if (!sync.is_open) {
            document.dispatchEvent(new CustomEvent("oms:closed", { detail: sync }));
        }
    }

    async function look() {
        const ids = openIds();
        if (!ids.length) {
            return;
        }
        if (!document.hidden) {
            try {
                const answer = await fetch(`${address}?ids=${ids.slice(0, 200).join(",")}`, { redirect: "error" });
                if (answer.status === 403) {
                    return; // may not look at syncs
                }
                if (!answer.ok) {
                    throw new Error(String(answer.status));
                }
                (await answer.json()).syncs.forEach(show);
                pause = EVERY;
            } catch {
                pause = Math.min(pause * 2, LONGEST); // the server restarts, say, or the session ended
            }
        }
        setTimeout(look, pause);
    }

    function start() {
        announcer = document.createElement("div");
        announcer.className = "oms-unseen";
        announcer.setAttribute("role", "status");
        document.body.append(announcer);
        look();
    }

    if (address) {
        start();
    }
})();
