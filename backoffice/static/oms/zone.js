// Tells the server the browser's time zone: pages show their times in it.
(() => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `oms_timezone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
})();
