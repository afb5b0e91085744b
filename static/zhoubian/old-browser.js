/* Only browsers without modules run this file (`nomodule`): Internet Explorer and its relatives. */
document.getElementById("zb-old-browser").removeAttribute("hidden");
