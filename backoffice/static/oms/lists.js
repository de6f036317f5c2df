// The filters of a list: beside the rows where there is room, which is remembered; otherwise a sheet over them.
"use strict";
(() => {
    const ROOM = matchMedia("(width >= 1280px)"), ALWAYS = matchMedia("(width >= 1680px)"), KEY = "oms-filters";
    const root = document.documentElement;
    const panel = () => document.getElementById("oms-filters");
    const button = () => document.querySelector("[data-oms-filters]");

    const remembered = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
    const remember = (state) => { try { localStorage.setItem(KEY, state); } catch { /* private mode: asked again */ } };
    const say = (isOpen) => button()?.setAttribute("aria-expanded", String(isOpen));
    const beside = (isOpen) => { root.toggleAttribute("data-oms-filters-open", isOpen); say(isOpen); };

    // Before the page is drawn, so that its rows do not move.
    const arrange = () => {
        panel()?.close();
        beside(ROOM.matches && (remembered() ?? (ALWAYS.matches ? "open" : "closed")) === "open");
    };
    arrange();
    document.addEventListener("DOMContentLoaded", () => { arrange(); panel()?.addEventListener("close", () => say(false)); });
    ROOM.addEventListener("change", arrange);

    const open = () => {
        if (!ROOM.matches) {
            panel().showModal();
            say(true);
            return;
        }
        beside(true);
        remember("open");
        panel().querySelector("select, input")?.focus();
    };
    const close = () => {
        if (panel().open) { panel().close(); return; }
        beside(false);
        remember("closed");
        button().focus();
    };

    document.addEventListener("click", (event) => {
        if (event.target.closest("[data-oms-filters]")) {
            root.hasAttribute("data-oms-filters-open") ? close() : open();
        } else if (event.target.closest("[data-oms-filters-close]") || event.target === panel()) {
            close();
        }
    });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && panel()?.contains(document.activeElement) && !panel().open) close();
    });

    // What is chosen by hand is applied at once; with the keyboard, arrows pass over choices that are not meant.
    let byKey = false;
    document.addEventListener("keydown", () => { byKey = true; }, true);
    document.addEventListener("pointerdown", () => { byKey = false; }, true);
    document.addEventListener("change", ({ target }) => {
        const form = target.closest("#filter-form");
        if (form && target.matches("select") && !byKey) form.requestSubmit();
    });
    // What is chosen for the files of a list is part of the addresses that lead to them.
    document.addEventListener("change", ({ target }) => {
        const name = target.dataset.exportOption;
        if (!name) return;
        for (const link of target.closest("[data-export]").querySelectorAll("a[data-takes-options]")) {
            const address = new URL(link.href);
            target.checked ? address.searchParams.set(name, target.value) : address.searchParams.delete(name);
            link.href = address;
        }
    });
    // Addresses say what is asked for, and nothing that is left empty.
    document.addEventListener("submit", ({ target }) => {
        if (target.id !== "filter-form") return;
        for (const field of target.querySelectorAll("select, input")) field.disabled = field.value === "";
    });
})();
