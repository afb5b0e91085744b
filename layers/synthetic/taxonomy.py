"""What is found where, who mends it and by when: the issue taxonomy in short, for made-up issues."""

DEPARTMENTS = {
    "san": "市环境卫生管理处",
    "city": "市城市管理局",
    "pol": "市公安局",
    "tra": "市公安局交警大队",
    "mun": "市住建局市政工程处",
    "gre": "市园林绿化中心",
    "uti": "市通信管线联席办",
    "hou": "市住建局物业办",
    "fire": "市消防救援大队",
    "pub": "市委宣传部",
    "mkt": "市市场监管局",
    "cul": "市文化广电旅游局",
    "bus": "市交通运输局",
    "own": "",
    "prop": "",
}
"""An empty name: the unit that keeps the site."""

_TAXONOMY = (
    "HJ01 san 4wh;HJ02 san 2wh;HJ03 san 10min;HJ04 san 4wh;HJ05 san 1wd;HJ06 city 2wd;"
    "HJ07 gre 4wh;HJ08 san 4wh;HJ09 prop 1wd;HJ10 san 4wh;HJ11 san 2wh;SR01 city 4wh;"
    "SR02 city 4wh;SR03 city 1wd;SR04 city 20wd;SR05 city 1wd;SR06 uti 10wd;SR07 city 5wd;"
    "SR08 city 5wd;SR09 city 1wd;JT01 tra 2wh;JT02 city 4wh;JT03 tra 0;JT04 tra 0;JT05 tra 0;"
    "JT06 tra 10wd;JT07 tra 0;JT08 tra 10wd;JT09 bus 1wd;SS01 mun 7wd;SS02 mun 4wh;"
    "SS03 mun 5wd;SS04 mun 2wd;SS05 mun 4wh;SS06 city 30wd;SS07 mun 5wd;SS08 san 3wd;"
    "SS09 mun 5wd;SS10 gre 5wd;SS11 hou 30wd;XF01 fire 2wh;XF02 prop 1wd;XF03 prop 2wh;"
    "XF04 fire 2wd;XF05 prop 2wh;GY01 pub 3wd;GY02 pub 1wd;GY03 pub 3wd;FW01 own 1wd;"
    "FW02 own 4wh;FW03 own 2wd;FW04 own 5wd;FW05 own 3wd;FW06 hou 10wd;WM01 pol 0;WM02 city 0;"
    "WM03 own 4wh;WM04 tra 0;WM05 tra 0;WM06 own 0;JY01 mkt 3wd;JY02 mkt 3wd;JY03 mkt 3wd;"
    "JY04 mkt 2wd;JY05 mkt 5wd;JY06 mkt 1wd;JY07 cul 5wd"
)
"""Code, department, deadline: working hours (wh), working days (wd), minutes, 0 for corrected on site."""

RULES: dict[str, tuple[str, str]] = {
    code: (department, deadline)
    for code, department, deadline in (row.split() for row in _TAXONOMY.split(";"))
}

SHARES = {
    "alley": (
        "HJ01 17 HJ02 7 HJ04 7 HJ11 4 HJ06 2 SR01 8 SR02 7 SR03 10 SR04 2 SR05 9 SR06 6 SR09 3 "
        "SR08 1 JT01 6 JT02 8 SS01 4 SS02 1 SS03 2 SS04 2 SS05 3 SS06 1 SS08 1 GY02 1"
    ),
    "compound": (
        "HJ01 7 HJ05 8 HJ09 6 HJ10 4 HJ11 2 SR03 9 SR04 2 SR05 7 SR09 3 JT01 9 JT02 7 XF01 5 "
        "XF02 11 XF03 7 XF04 3 XF05 3 SS01 2 SS04 2 SS10 3 SS11 2 FW06 2 GY01 2 GY02 1 WM01 3"
    ),
    "market": (
        "HJ01 8 HJ02 12 HJ04 5 HJ05 4 HJ08 4 SR01 14 SR02 6 JT01 7 JT02 9 JY01 3 JY03 5 JY04 2 "
        "JY05 6 JY06 4 WM03 5 GY01 2 FW03 2 XF01 2"
    ),
    "mall": (
        "JT02 18 JT01 9 FW01 4 FW02 5 FW04 4 FW05 3 WM03 9 SS07 6 XF01 7 XF04 3 JY06 5 HJ08 6 "
        "HJ02 5 SR02 8 SR07 4 GY01 4"
    ),
    "school": (
        "JT01 22 JT02 8 JT03 8 JT08 5 SR01 16 HJ02 6 HJ11 5 JY06 5 JY07 2 WM03 4 GY01 5 SS07 3 "
        "JT05 6 FW05 2 XF04 3"
    ),
    "hospital": (
        "JT01 22 JT02 10 SR01 11 FW01 5 FW02 4 WM03 11 HJ08 6 HJ05 5 SS07 6 FW03 3 FW04 3 XF01 "
        "4 GY01 4 HJ11 6"
    ),
    "transit": (
        "HJ02 9 HJ11 9 JT01 7 JT02 11 JT09 9 SR01 11 SR03 7 WM03 6 FW01 5 FW02 4 HJ08 6 SS09 7 "
        "SS07 4 GY03 3 WM02 2"
    ),
    "community": "FW02 9 FW05 10 GY01 7 GY02 5 HJ02 9 SS07 7 XF04 6 WM03 6 JT02 10 SR03 9 FW03 5 HJ09 6",
    "street": (
        "JT01 11 JT02 13 JT04 8 JT05 7 JT03 5 JT07 2 JT06 2 JT08 2 WM02 4 WM04 1 WM05 1 SR01 9 "
        "SR02 7 SR03 5 SR07 4 HJ03 6 HJ01 6 HJ11 5 SS03 5 SS07 4 SS01 2 SS02 1 SS04 2 SS10 3 "
        "GY02 2 HJ07 2"
    ),
}
"""Categories by kind of place, in parts of about a hundred."""

SLOW = {"uti": 0.55, "mun": 0.30, "hou": 0.40, "own": 0.05, "prop": 0.15, "city": 0.0, "san": -0.25}
"""How much slower than the others a department closes, on the scale of the logarithm."""

SOURCES = {"mission": 0.44, "patrol": 0.30, "complaint": 0.18, "official_feedback": 0.05, "media": 0.03}
NOTES = ("群众多次反映", "反复出现", "现场已拍照", "夜间较多", "早市时段", "雨后明显", "已与负责人沟通")
