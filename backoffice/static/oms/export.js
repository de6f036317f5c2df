// Says how far an export got, while the browser downloads it. Without this script the links work all the same.
(() => {
    const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => Number(values[name]).toLocaleString(document.documentElement.lang));

    const follow = async (menu, token) => {
        const status = menu.querySelector("[role=status]");
        const say = (text) => { status.hidden = false; status.textContent = text; };
        say(menu.dataset.preparing);
        let values = null;
        for (let waited = 0; waited < 60; waited += 1) { // seconds without news
            await new Promise((resolve) => setTimeout(resolve, 1000));
            const answer = await fetch(`/admin/exports/${token}/`).catch(() => null);
            if (!answer || !answer.ok) continue;
            const run = await answer.json();
            if (!values || values.done !== run.rows_done) waited = 0;
            values = { done: run.rows_done, rows: run.rows };
            if (run.failed) return say(filled(menu.dataset.failed, values));
            if (run.is_done) return say(filled(menu.dataset.done, values));
            say(filled(menu.dataset.progress, values));
        }
        if (values) return say(filled(menu.dataset.still, values)); // paused by the browser, or the server went away
        status.hidden = true;
    };

    document.addEventListener("click", (event) => {
        const link = event.target.closest("[data-export] a");
        if (!link) return;
        const token = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(36).slice(2)}`;
        const address = new URL(link.href);
        address.searchParams.set("export_token", token);
        event.preventDefault();
        location.assign(address); // a download: the page stays
        follow(link.closest("[data-export]"), token);
    });
    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        const open = document.querySelector("details.oms-menu[open]");
        if (open) { open.open = false; open.querySelector("summary").focus(); }
    });
})();
