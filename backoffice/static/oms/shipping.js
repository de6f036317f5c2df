// Shipping: files that are too large, and the table in which many orders get their tracking numbers.
"use strict";
(() => {
    // The server takes no larger body, and would answer without a page.
    document.addEventListener("change", ({ target }) => {
        const most = Number(target.dataset?.omsMost);
        if (!most || target.type !== "file") return;
        target.setCustomValidity((target.files[0]?.size ?? 0) > most ? target.dataset.omsTooLarge : "");
        target.reportValidity();
    });

    // A double click is one click. After some seconds it may be that nothing came back.
    const ONE_CLICK = 8000;
    document.addEventListener("submit", (event) => {
        const { target: form, submitter } = event;
        if (!("omsOnce" in form.dataset) || submitter?.name === "refused") return;  // that is a file, and the page stays
        if (form.omsIsSent) event.preventDefault();
        form.omsIsSent = true;
        setTimeout(() => { form.omsIsSent = false; }, ONE_CLICK);
    });
    addEventListener("pageshow", () => document.querySelectorAll("[data-oms-once]").forEach((form) => { form.omsIsSent = false; }));

    // One tracking number after the other: Enter, which a scanner sends, goes to the next order and does not ship yet; a
    // column that is pasted fills the fields below.
    const below = (field) => {
        const all = [...document.querySelectorAll("[data-oms-tracking]")];
        return all.slice(all.indexOf(field));
    };
    // In no other field of this form does Enter ship: it goes on to the tracking number of the row, or to the first one.
    document.addEventListener("keydown", (event) => {
        const form = event.target.closest?.("form:has([data-oms-ship-all])");
        if (event.key !== "Enter" || !form || !event.target.matches("input:not([type=checkbox])")) return;
        event.preventDefault();
        const isTracking = event.target.matches("[data-oms-tracking]");
        const here = (event.target.closest("tr") ?? form).querySelector("[data-oms-tracking]");
        (isTracking ? below(event.target)[1] ?? form.querySelector("[data-oms-ship-all]") : here)?.focus();
    });

    // What was refused stays in its field; the next scan replaces it, and is not written behind it.
    document.addEventListener("focusin", ({ target }) => {
        if (target.matches?.("[data-oms-tracking], .oms-tracking input")) target.select();
    });

    // Units of a part: a row sends all of its lines once one is not all that is left, and none otherwise.
    const nameUnits = (group) => {
        const fields = [...group.querySelectorAll("[data-oms-units]")];
        const isPart = fields.some((field) => field.value.trim() !== field.max);
        for (const field of fields) {
            field.disabled = false;
            if (isPart) field.name = field.dataset.omsUnits;
            else field.removeAttribute("name");
        }
    };
    document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".oms-units").forEach(nameUnits));
    document.addEventListener("input", ({ target }) => {
        if (target.matches?.("[data-oms-units]")) nameUnits(target.closest(".oms-units"));
    });
    // What is refused inside of closed contents is shown.
    document.addEventListener("invalid", ({ target }) => { const closed = target.closest?.(".oms-units"); if (closed) closed.open = true; }, true);
    document.addEventListener("paste", (event) => {
        if (!event.target.matches?.("[data-oms-tracking]")) return;
        const cells = event.clipboardData.getData("text").replace(/\r?\n$/, "").split(/\r?\n/);
        if (cells.length < 2) return;
        event.preventDefault();
        const fields = below(event.target).slice(0, cells.length);
        fields.forEach((field, place) => { field.value = cells[place].split("\t")[0].trim(); });
        fields.at(-1).focus();
    });
})();
