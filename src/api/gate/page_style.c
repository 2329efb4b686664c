/* What pages look like: /docs/page.css and /favicon.svg. Swagger UI has no dark mode, so its colours
 * are inverted. */
#include "api/gate/page.h"

/* clang-format off */
const char page_style[] =
    ":root{color-scheme:light dark;--text:#3b4151;--dim:#6b7280;--back:#fafafa;--card:#fff;--line:#d8dde7;--accent:#1b6b4a;--code:#f0f3f7}"
    "@media (prefers-color-scheme:dark){:root{--text:#d7dce5;--dim:#9aa3b2;--back:#14171c;--card:#1c2027;--line:#333a46;--accent:#5cc99a;--code:#242a33}"
    ".swagger-ui{filter:invert(.9) hue-rotate(180deg)}.swagger-ui .microlight,.swagger-ui pre{filter:invert(1) hue-rotate(180deg)}"
    ".swagger-ui .opblock .opblock-summary-method{color:#000;text-shadow:none}"
    ".swagger-ui .btn.authorize{color:#0b5133;border-color:#0b5133}.swagger-ui .btn.authorize svg{fill:#0b5133}}"
    ".swagger-ui .opblock.opblock-deprecated{opacity:.8}.swagger-ui .opblock.opblock-deprecated .opblock-summary-method{color:#3b4151;text-shadow:none}"
    "body{margin:0;background:var(--back)}"
    ".page{color:var(--text);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;max-width:60rem;margin:0 auto;padding:1rem 1rem 3rem}"
    ".page header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;border-bottom:1px solid var(--line);padding-bottom:.75rem}"
    ".page header strong{margin-right:auto;display:flex;align-items:center;gap:.5rem}"
    ".page header img{width:1.5rem;height:1.5rem}"
    ".page a{color:var(--accent)}.page h1{font-size:1.6rem;margin:1.25rem 0 .5rem}.page h2{font-size:1.15rem;margin:1.75rem 0 .5rem}"
    ".page p{margin:.5rem 0}.dim{color:var(--dim)}"
    ".page code,.page pre{font:.875rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--code);border-radius:.25rem;overflow-wrap:anywhere}"
    ".page code{padding:.1rem .3rem}.page pre{padding:.75rem;overflow-x:auto;overflow-wrap:normal}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(16rem,1fr));gap:.75rem;padding:0;list-style:none}"
    ".cards li,.rows li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}"
    ".cards a{font-weight:600}"
    ".rows{padding:0;list-style:none;display:grid;gap:.5rem}.rows p{margin:.25rem 0 0;overflow-wrap:anywhere}"
    ".page table{border-collapse:collapse;display:block;overflow-x:auto}.page td{border-top:1px solid var(--line);padding:.3rem .75rem .3rem 0;vertical-align:top}"
    ".status{display:inline-block;min-width:2.5rem;font-weight:600}";

const char page_icon[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"7\" fill=\"#1b6b4a\"/>"
    "<path d=\"M8 9l8 14 8-14\" fill=\"none\" stroke=\"#fff\" stroke-width=\"4\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>";
/* clang-format on */
