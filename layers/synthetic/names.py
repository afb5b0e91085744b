"""Names for a city that does not exist: made from stems, never taken from a real register."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from numpy.random import Generator

CITY = "沐宁市"
"""The made-up city; no place of this name is in the national register of divisions."""

NUMERALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")

_FIRST = "玉金银翠锦瑞祥福康安泰永嘉华丽秀清明春云霞晨朝枫桂梅兰荷柳桐松竹碧紫"
_SECOND = "泉溪湖山林园桥井亭台阁塘湾坡岭河庭洲苑"
_TRADES = (
    "打铁 豆腐 油坊 染坊 草帽 竹竿 铜匠 箍桶 纸马 米市 羊市 骡马 盐店 茶馆 书院 文庙 城隍 "
    "四眼井 双井 柳荫 槐树 枣树 皂角 石榴 桂花 磨盘 钟楼 鼓楼 仓前 县前 察院 考棚 兵马 "
    "马号 轿子 灯笼 剪子 酱园 糖坊 醋坊 瓷器 木行 布店 当铺 银匠 裁缝 香店 伞店 弓箭 炮仗 "
    "麻绳 席子 扁担 石桥 水关 码头 渡口 盐仓 粮仓 南关 北关 东门 西门 后街 半边 弯弯 猫耳 "
    "羊角 牛角 狮子 白果 葡萄 菱角 藕塘 鸭塘 鱼市 菜根 花市 鸟市 老井 甜水 "
)
_ROADS = (
    "人民 建设 和平 新华 胜利 文化 健康 育才 友谊 团结 光明 振兴 创业 科技 迎宾 滨河 环翠 "
    "望江 长青 丰收 平安 幸福 工农 青年 民主 中兴 兴业 富强 东风 朝阳 向阳 学府 体育 站前 "
    "纺织 机场 园艺 车城 锦绣 望湖 "
)
_SURNAMES = "张王李赵刘陈杨黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_OLD_HOMES = (
    "粮食局 供销社 纺织厂 机床厂 棉麻公司 运输公司 二建公司 电机厂 化肥厂 酒厂 印刷厂 邮电局 百货公司 食品厂 "
)
_RARE = ("㙟", "䶮", "𠅤")
"""Characters that GBK lacks and GB18030 has; registers that were re-encoded once lose them."""


class Stems(NamedTuple):
    """The shuffled stems of one city: two characters each, trades longer."""

    fair: list[str]
    trades: list[str]
    roads: list[str]


def stems(rng: Generator) -> Stems:
    """Every stem once, in an order that `rng` decides."""
    fair = [a + b for a in _FIRST for b in _SECOND]
    return Stems(
        *([pool[i] for i in rng.permutation(len(pool))] for pool in (fair, _TRADES.split(), _ROADS.split()))
    )


def road_names(words: Stems, wide: bool) -> Iterator[str]:
    """Endless names of streets: 路 and 大道 for arterials, 街 and 路 for streets."""
    endings = ("路", "大道") if wide else ("街", "路")
    for way in ("", "东", "西", "南", "北"):
        for stem in (*words.roads, *words.fair[::2]):
            yield f"{stem}{way}{endings[len(way) if wide else len(stem + way) % 2]}"


def alley_names(words: Stems) -> Iterator[str]:
    """Names of the lanes of crooked quarters: old trades and landmarks, numbered at need."""
    endings = ("巷", "胡同", "里", "弄")
    for ending in endings[:2]:
        yield from (stem + ending for stem in words.trades)
    for number in NUMERALS:
        for ending in endings:
            link = "条" if ending == "胡同" else ""
            yield from (f"{stem}{number}{link}{ending}" for stem in words.trades)


def compound_names(words: Stems, old: bool) -> Iterator[str]:
    """Endless names of compounds; the old ones are works' homes and new villages of their day."""
    if old:
        for ending in ("家属院", "一号院", "二号院", "大院", "三号院", "四号院"):
            yield from (home + ending for home in _OLD_HOMES.split())
        endings: tuple[str, ...] = ("小区", "新村", "里小区", "大院", "公寓", "一区", "二区")
    else:
        endings = (
            "花园",
            "家园",
            "小区",
            "雅苑",
            "名邸",
            "华庭",
            "公馆",
            "新城",
            "嘉园",
            "府",
            "佳苑",
            "御景",
        )
    for ending in endings:
        yield from (stem + ending for stem in words.fair[(0 if old else 1) :: 2])


def village_name(rng: Generator) -> str:
    """A village that was swallowed by the city, such as 大李庄."""
    ending = str(rng.choice(["庄", "村", "寨", "营", "家湾"]))
    return (
        ("大", "小", "前", "后", "")[int(rng.integers(5))]
        + _SURNAMES[int(rng.integers(len(_SURNAMES)))]
        + ending
    )


def with_rare(names: list[str]) -> list[str]:
    """The first names with a rare character in front, one of each kind; the rest untouched."""
    return [_RARE[i] + name if i < len(_RARE) else name for i, name in enumerate(names)]
