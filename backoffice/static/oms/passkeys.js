// Passkeys: a form with data-oms-passkey asks the browser for one ("create" or "get", with the options in data-options)
// and sends its answer in the field "passkey".
(() => {
    const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
    const toText = (buffer) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
        .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    const described = (list = []) => list.map((each) => ({ ...each, id: toBytes(each.id) }));

    // Not every browser has the functions that translate JSON.
    const fromJSON = (options) => ({
        ...options,
        challenge: toBytes(options.challenge),
        ...(options.user && { user: { ...options.user, id: toBytes(options.user.id) } }),
        ...(options.allowCredentials && { allowCredentials: described(options.allowCredentials) }),
        ...(options.excludeCredentials && { excludeCredentials: described(options.excludeCredentials) }),
    });
    const asJSON = (credential) => {
        const response = {};
        for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
            if (credential.response[name]) response[name] = toText(credential.response[name]);
        }
        if (credential.response.getTransports) response.transports = credential.response.getTransports();
        return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response });
    };

    const ask = async (form) => {
        const publicKey = fromJSON(JSON.parse(form.dataset.options));
        const credential = await navigator.credentials[form.dataset.omsPasskey]({ publicKey });
        form.elements.passkey.value = asJSON(credential);
        form.submit();
    };
    const refused = (form, error) => {
        const message = form.querySelector("[data-oms-refused]");
        message.textContent = error.name === "InvalidStateError" ? form.dataset.known : form.dataset.refused;
        message.hidden = false;
        form.querySelector("button").removeAttribute("aria-busy");
    };

    const prepare = (form) => {
        form.hidden = false;
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            const button = form.querySelector("button");
            if (button.getAttribute("aria-busy")) return;
            button.setAttribute("aria-busy", "true");
            form.querySelector("[data-oms-refused]").hidden = true;
            ask(form).catch((error) => refused(form, error));
        });
    };
    document.addEventListener("DOMContentLoaded", () => {
        if (!window.PublicKeyCredential) return;
        document.querySelectorAll("form[data-oms-passkey]").forEach(prepare);
        document.querySelectorAll("[data-oms-no-passkeys]").forEach((each) => { each.hidden = true; });
    });
})();
