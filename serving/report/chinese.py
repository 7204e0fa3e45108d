"""Every sentence of the page and the card in Chinese, beside its twin in english.py."""

from __future__ import annotations

from collections.abc import Mapping

# What to do next, by the strongest reason that counts against the customer and that somebody can act on.
# Edit these freely; they promise nothing on the company's behalf.
NEXT_STEPS: Mapping[str, str] = {
    "recency": "尽快主动联系：较长时间没有动静，是主要的不利信号。",
    "rhythm": "按这位客户自己的节奏提醒，让回来这一步尽量简单。",
    "spend": "看看最近的消费：金额是否变小，有没有退货或投诉？",
    "variety": "介绍一些客户还没接触过的商品或功能。",
    "trend": "问问发生了什么变化：近期的活跃度低于以往。",
    "": "没有可以改善的不利因素，保持日常联系即可。",
}

TEXTS: Mapping[str, str] = {
    "space": "", "title": "客户流失报告", "title_conversion": "用户转化报告",
    "title_ltv": "客户价值报告",
    # 1 the answer
    "headline_churn": "<b>{users} 位</b>尚可挽留的客户，很可能在 {days} 天内流失。",
    "headline_churn_none": "在尚可挽留的客户中，没有人在 {days} 天内处于高流失风险。",
    "headline_gone": "全部 {users} 位客户都已流失或取消：已无人可挽留，只能做召回。",
    "headline_conversion": "<b>{users} 位</b>用户很可能在 {days} 天内转化。",
    "headline_conversion_none": "没有用户有很高的可能在 {days} 天内转化。",
    "headline_ltv": "预计 {users} 位用户在 {days} 天内共带来 <b>{expected}</b>。",
    "headline_worth_value": "过去 365 天，他们共消费 <b>{worth}</b>。",
    "headline_worth_events": "数据中没有金额列，因此只统计人数，不统计金额。",
    "sub_churn": (
        "“很可能”指流失概率不低于三分之二。目前仍在的客户共 {keep} 位，预计其中约 {expected} 位会流失。另有 "
        "{gone} 位已经流失或取消，不计入以上人数。"
    ),
    "sub_gone": "他们沉默超过 {days} 天，或已取消，因此没有可挽留的名单；下表列出目前已知的情况。",
    "sub_conversion": "“很可能”指转化概率不低于三分之二。在评估的 {keep} 位用户中，预计约 {expected} 位会转化。",
    "sub_ltv": "尚未训练流失或转化模型，因此本页只讨论预期价值。", "dated": "统计时点：{as_of}；数据完整至 {until}。",
    "dated_late": "数据在该时点之前就已结束，因此部分“沉默”可能只是数据缺失。",
    "dated_early": "模型学习过更晚的数据（至 {until}），因此对过去时点的评分会偏乐观。",
    "grade_A": "证据充分（A 级，共 A 至 D 四级）", "grade_B": "证据较充分（B 级，共 A 至 D 四级）",
    "grade_C": "证据有限（C 级，共 A 至 D 四级）：适合给客户排序，不适合做预算",
    "grade_D": "证据薄弱（D 级，共 A 至 D 四级）：仅供初步参考，请人工核对", "grade_other": "证据等级未知（{grade}）",
    "grade_why": "在 {cutoffs} 个时点上学习，覆盖 {windows} 个互不重叠的时期，并用 {rows} 位客户检验",
    "fact_high": "很可能流失", "fact_high_conversion": "很可能转化", "fact_high_ltv": "{days} 天内的预期价值",
    "fact_worth": "他们近 365 天的消费", "fact_keep": "仍在的客户", "fact_gone": "已流失或取消",
    # 2 where the risk is
    "risk": "风险在哪里", "risk_conversion": "机会在哪里", "risk_ltv": "价值在哪里",
    "risk_lead": (
        "仍在的客户可以挽留；已流失的客户沉默超过 {days} 天，联系他们属于召回，是另一项工作。"
        "概率低于三分之一为低风险，不低于三分之二为高风险。"
    ),
    "risk_lead_conversion": "概率低于三分之一为低，不低于三分之二为高。",
    "risk_lead_ltv": "按生命周期阶段统计的预期价值。", "strip_keep": "仍在", "strip_gone": "已流失或取消",
    "strip_prospect": "尚未成为客户", "plot_users": "仍在的客户：按风险分",
    "plot_worth": "他们近 365 天的消费：按风险分", "plot_users_conversion": "用户：按转化可能分",
    "plot_worth_conversion": "近 365 天的消费", "plot_users_ltv": "各阶段用户数", "plot_worth_ltv": "近 365 天的消费",
    "no_keep_plot": "已没有可挽留的客户，因此没有图。", "col_stage": "阶段", "col_users": "客户数",
    "col_worth": "近 365 天消费", "col_activity": "近 365 天{kinds}次数", "col_expected": "预计流失",
    "col_expected_conversion": "预计转化", "col_expected_ltv": "预期价值", "col_total": "合计", "band_high": "高",
    "band_medium": "中", "band_low": "低", "band_none": "未评估",
    "no_value": "缺少客户价值：事件没有金额（或 winback.toml 没有指定金额列）。",
    "why_prospect": "有记录，但还没有{kinds}。",
    "why_new": "最近 {half} 天内首次出现，且只来过一天。", "why_active": "保持着自己的节奏。",
    "why_returning": "沉默超过 {days} 天后，最近又回来了。",
    "why_slipping": "沉默超过 {half} 天；或超过 {quarter} 天，且达到自己平常间隔的两倍以上。",
    "why_lapsed": "沉默超过 {days} 天。", "why_left": "已主动取消。",
    # 3 whom to look at first
    "first_empty": "最先关注的客户", "first": "最先关注的 {n} 位客户",
    "rule_churn": (
        "排序规则：在尚未流失或取消的客户中，按“风险价值”从高到低排列，即流失概率乘以近 365 天的消费（{kinds}）。"
        "因此，中等风险的大客户可能排在高风险的小客户之前。"
    ),
    "rule_churn_events": (
        "排序规则：在尚未流失或取消的客户中，按流失概率乘以近 365 天的活跃次数（{kinds}）从高到低排列。"
        "数据中没有金额可作权重。"
    ),
    "rule_conversion": "排序规则：在尚未流失或取消的用户中，按转化概率从高到低排列。",
    "rule_ltv": "排序规则：在尚未流失或取消的用户中，按 {days} 天内的预期价值从高到低排列。",
    "rule_caution": (
        "名单说明谁可能离开，并不说明谁能被打动。请随机留出一部分人不联系：只有这样对比，才能知道联系是否有效。"
    ),
    "first_none": "没有符合条件的客户：所有人都已流失或取消。", "legend_up": "推高风险", "legend_down": "降低风险",
    "legend_act": "可以采取行动改善", "act": "可行动", "legend_up_conversion": "提高可能",
    "legend_down_conversion": "降低可能", "legend_up_ltv": "增加价值", "legend_down_ltv": "减少价值",
    "p_churn": "流失概率", "p_conversion": "转化概率", "p_ltv": "预期价值", "worth_value": "近 365 天消费 {worth}",
    "worth_events": "近 365 天活跃 {worth} 次", "at_stake": "风险价值 {stake}",
    "uncertain": "不确定：证据有限，概率可能相差 {points}",
    "expected_value": "{days} 天内预期价值 {expected}（{low} 至 {high}）", "points": "{points} 个百分点",
    "points_one": "{points} 个百分点", "points_small": "不到 1 个百分点",
    "from_mean": "原因以所有尚未流失或取消的客户的平均值为起点，说明这位客户与他们有何不同。",
    "adds_up": "平均 {base}；以上原因 {sum}，其余因素 {other}；合计 {score}。",
    "no_reasons": "模型没有发现这位客户与其他人的不同之处。", "next": "下一步",
    "csv": "同一份名单的文件，可用 Excel 打开或导入 CRM：{file}",
    # 4 what drives it
    "drivers": "哪些因素在影响流失", "drivers_conversion": "哪些因素在影响转化", "drivers_ltv": "哪些因素在影响价值",
    "drivers_lead": "每类因素平均让一位客户的概率上下变动多少个百分点。它说明模型看重什么，并不等于因果。",
    "drivers_lead_ltv": "每类因素平均让一位客户的预期价值上下变动多少。它说明模型看重什么，并不等于因果。",
    "drivers_none": "模型没有记录影响因素；重新训练后即可显示。", "drivers_small": "几乎没有影响的因素：{names}。",
    # 5 how far to trust it
    "trust": "结果有多可信", "trust_of_churn": "流失", "trust_of_conversion": "转化", "trust_of_ltv": "价值",
    "no_model": "{name}尚无模型，因此本页不涉及。", "task_churn": "流失", "task_conversion": "转化",
    "task_ltv": "价值",
    "period_unseen": "检验依据：{rows} 位客户在 {start} 至 {end} 的真实行为。接受检验的模型只学习过更早的时期。",
    "period_same": (
        "请注意：历史数据只有一个时期，因此只能用同一时期（{start} 至 {end}）的另一批客户检验（共 {rows} 位）。"
        "在新时期表现如何，目前还不知道。"
    ),
    "same_rows": "候选模型也是用这批客户挑选的，因此以下数字略偏乐观。",
    "auc_churn": (
        "<b>排序。</b>任取一位流失的和一位留下的客户，模型<b>每 100 次有 {n} 次</b>排对先后（{low} 至 {high}）；"
        "随机猜测是 50 次。"
    ),
    "auc_conversion": (
        "<b>排序。</b>任取一位转化的和一位未转化的用户，模型<b>每 100 次有 {n} 次</b>排对先后（{low} 至 {high}）"
        "；随机猜测是 50 次。"
    ),
    "auc_guess": "这与随机猜测没有明显区别，请不要使用这个排序。", "auc_weak": "只比随机猜测略好一点。",
    "auc_none": "<b>排序。</b>无法衡量：检验中所有人的结果都相同。",
    "skill": (
        "<b>概率。</b>与对所有人都说 {rate} 相比，模型的概率<b>与事实的差距缩小了 {skill}</b>（对数损失 {loss}，"
        "区间 {low} 至 {high}；对照 {base}）。"
    ),
    "skill_none": (
        "<b>概率。</b>并不比对所有人都说 {rate} 更接近事实（对数损失 {loss}，区间 {low} 至 {high}；对照 {base}）"
        "：可以参考排序，不要直接使用概率数值。"
    ),
    "promise": (
        "<b>兑现。</b>平均预测 {promised}，实际为 {came}；把客户按概率分成十组来看，预测与实际平均相差 {gap}。"
    ),
    "uncertainty": (
        "<b>确定程度。</b>证据有限，概率可能有出入：一般客户相差 {half}，{share} 的客户相差超过 {limit}，"
        "后者在名单中标为“不确定”。"
    ),
    "lift_churn": "<b>名单前列。</b>风险最高的十分之一客户中，{top} 流失了；全体为 {rate}。",
    "lift_conversion": "<b>名单前列。</b>转化可能最高的十分之一用户中，{top} 转化了；全体为 {rate}。",
    "intervals": "区间均为按客户计算的 95% 置信区间。", "plot_reliability": "预测的概率兑现了吗？",
    "plot_gains": "能多快找到该找的人？", "plot_deciles": "各组的预测值与实际值",
    "read_reliability": "落在细线上，表示预测与实际一致；竖线表示不确定的范围。",
    "read_gains": "曲线高出细线越多，需要查看的客户就越少。",
    "read_deciles": "客户按预测价值分为十组，最高的一组在左；金额为每位客户的平均值。", "promised": "预测概率",
    "came": "实际比例", "contacted": "查看的客户比例", "found": "找到的目标比例", "chance": "随机",
    "perfect": "预知未来", "this_model": "本模型", "simple_rule": "距上次活跃的天数", "promised_amount": "预测",
    "came_amount": "实际", "decile": "客户十等分，预测值最高的在前", "compared": "与哪些方法比较过",
    "compared_lead": (
        "所有方法面对的是同一时期的同一批客户。在更早的数据上，选用没有被明显超过的最简单的方法。"
        "其他方法按原样列出，未经校准。"
    ),
    "col_candidate": "方法", "col_right": "每 100 次排对", "col_loss": "对数损失",
    "col_deviance": "损失（Tweedie 偏差）", "col_against": "与所用模型相比", "used": "所用模型",
    "no_worse": "没有明显差别", "worse": "较差", "better": "此处更好",
    "level_over": "<b>总额。</b>共预测 {promised}，实际为 {total}：<b>高估 {bias}</b>（{low} 至 {high}）。",
    "level_under": "<b>总额。</b>共预测 {promised}，实际为 {total}：<b>低估 {bias}</b>（{low} 至 {high}）。",
    "value_top": "<b>名单前列。</b>预测价值最高的十分之一客户，带来了全部实际金额的 {share}。",
    "coverage": "<b>区间。</b>每 100 位客户中，有 {share} 位的实际金额落在区间之内；设计目标是 {made} 位。",
    "coverage_90": "评分文件中较宽的区间包含其中 {share} 位；设计目标是 {made} 位。",
    # 6 how it was defined
    "defined": "如何定义，依据什么数据", "definition": "定义", "data": "数据", "models": "模型", "made": "生成",
    "data_line": "{users} 位用户的 {events} 条事件，时间从 {first} 到 {last}；截至 {as_of} 已知用户 {known} 位。",
    "no_rejected": "没有被拒绝行的记录文件。",
    "rejected": "上次运行 `winback check` 时，共有 {n} 行被拒绝：{reasons}。",
    "rejected_none": "上次运行 `winback check` 时，没有行被拒绝。",
    "model_line": "{task}：{name} 第 {version} 版，{rung}；数据截至 {until}。",
    "made_line": "由 winback 于 {now} 根据 {source} 生成；时间均为 {zone} 时区。",
    "card_link": "供工程师查阅的模型说明卡：{file}",
    "printed": "各项原因之和等于所示概率。百分数均为概率，不是百分位。", "printed_ltv": "各项原因之和等于所示金额。",
    # 7 what else leaving and converting could mean
    "choice_title": "换一种定义会怎样", "choice": "“流失”可以怎样定义",
    "choice_lead": (
        "每行是一种定义，都在同一份日志的最多 {moments} 个历史时点上统计，且之后的窗口完整可知。数据完整至 {until}。"
    ),
    "choice_conversion": "“转化”可以怎样定义", "choice_recommended": "推荐", "choice_in_use": "现用",
    "choice_silence": "{days} 天没有{kinds}",
    "choice_decline": "{kinds}减少一半以上（{days} 天与此前 {days} 天相比）",
    "choice_no_purchase": "{days} 天没有购买（{kinds}），不论其他行为",
    "choice_no_second": "至今只有一次{kinds}，{days} 天内没有第二次",
    "choice_cancel": "{days} 天内{ends}，不论是否沉默",
    "choice_contract": "合约期内的客户在 {days} 天内{ends}",
    "choice_conversion_row": "{eligible}在 {days} 天内{kinds}",
    "col_definition": "定义", "col_asked": "评估人数", "col_left": "流失", "col_converted": "转化", "col_share": "比例",
    "col_spread": "波动", "col_came_back": "又回来", "col_certain": "多久见分晓", "col_silent": "此前已沉默",
    "col_returns": "回流机会", "col_needs": "半数所需", "col_cutoff": "时点",
    "days_short": "{days} 天", "points_short": "{points} 点",
    "read_asked": "<b>评估人数、流失</b>：最后一个时点评估的客户数，以及其中按此定义随后流失的人数。",
    "read_asked_conversion": "<b>评估人数、转化</b>：最后一个时点评估的用户数，以及其中随后转化的人数。",
    "read_share": "<b>比例</b>：各时点的平均。<b>波动</b>：最高减最低，单位为百分点；越小，定义越稳定。",
    "read_came_back": (
        "<b>又回来</b>：被判为流失、却在窗口之后 {follow} 天内又回来的比例；只统计这段时间完整可知的时点。"
    ),
    "read_certain": (
        "<b>多久见分晓</b>：从评分到能确定是否流失的天数（中位数），也就是可以采取行动的时间，以及验证评分要等的时间。"
        "<b>此前已沉默</b>：后来流失的人在评分当天已经沉默的天数（中位数）；数值很大，说明多数人早已离开。"
    ),
    "read_returns": "<b>回流机会</b>：沉默这么久的人，在这份日志中日后还会回来的机会。",
    "read_needs": "<b>半数所需</b>：转化者中有一半在多少天之内完成转化。",
    "read_unknown": "<b>–</b> 表示数据不足，或该项不适用。", "curve_title": "沉默之后，谁会回来",
    "curve_lead": (
        "连续这么多天没有{kinds}的客户，日后还会回来的机会；依据是 {returns} 段已结束和 {open} 段仍在持续的沉默。"
    ),
    "curve_short": "沉默 {days} 天或更久之后会怎样，这份日志还说明不了：数据不足。",
    "curve_none": "数据不足：几乎没有观察到沉默的结束或持续。", "curve_silent": "已沉默（天）", "curve_back": "会回来",
    "curve_horizon": "现用期限",
    "because_silence": (
        "<b>推荐：{name}。</b>在这些期限中，它是回流机会低于 10% 的最短的一个（{returns}）。"
        "最后一个时点评估 {asked} 人，其中 {left} 人流失。"
    ),
    "because_silence_best": (
        "<b>推荐（这段历史所能支持的最好选择）：{name}。</b>在历史能够检验（至少容得下两个窗口）的期限中，"
        "没有哪个的回流机会低于 10%，这一个为 {returns}，因此被判为流失的人中有一部分并未真正离开。"
        "最后一个时点评估 {asked} 人，其中 {left} 人流失。"
    ),
    "because_contract": (
        "<b>推荐：{name}。</b>在这里，离开是一个明确的事件，不必因为沉默就把人当作流失。最后一个时点评估 {asked} 人，"
        "其中 {left} 人流失。"
    ),
    "because_first": (
        "<b>推荐：{name}。</b>多数用户还从未做过，因此问题是谁会做第一次；在最长期限内完成的人，至少有一半在此期限内完成。"
        "最后一个时点评估 {asked} 人，其中 {left} 人转化。"
    ),
    "because_second": (
        "<b>推荐：{name}。</b>多数用户已做过一次，因此问题是谁会来第二次；在最长期限内完成的人，至少有一半在此期限内完成。"
        "最后一个时点评估 {asked} 人，其中 {left} 人转化。"
    ),
    "because_anybody": (
        "<b>推荐：{name}。</b>除去已经做过的人，剩下的用户太少。最后一个时点评估 {asked} 人，其中 {left} 人转化。"
    ),
    "because_too_few": (
        "<b>数据不足，无法推荐。</b>至少需要两个互不重叠的窗口，且最后一个时点评估 50 人以上，"
        "较少的一种结果有 20 人以上。请补充历史数据；在此之前，按规则划分的阶段仍然可用。"
    ),
    "because_not_asked": "winback.toml 没有提出这个问题。", "choice_same": "它就是现用的定义。",
    "choice_new": "winback.toml 尚未提出这个问题；若要提出，请写 {toml}，并进行训练。",
    "choice_other": "现用的是另一个：{name}。若要改用推荐的定义，请在 winback.toml 中写 {toml}，并重新训练。",
    "caution_few_windows": "这段历史只容得下 {windows} 个互不重叠的窗口；少于 3 个，不足以证明各季节都如此。",
    "caution_unstable": "各时点之间，它的比例波动了 {spread}，因此一个时点的水平不能代表下一个时点。",
    "caution_few_users": "最后一个时点，较少的一种结果只有 {rarer} 人：只够作为初步参考。",
    "caution_not_followed": "数据不足，无法说明被判为流失的人有多少会回来：窗口之后的 {follow} 天都还不完整。",
    "lasts_title": "合约能持续多久",
    "lasts_lead": (
        "依据 {ended} 份已结束和 {open} 份仍在继续的合约；后者按已观察到的时长计入（Kaplan-Meier，95% 区间）。"
        "日志开始之前就有的合约，从日志中的第一个事件算起。"
    ),
    "lasts_median": "半数合约持续超过 <b>{days} 天</b>。",
    "lasts_no_median": "到观察到的最长时间为止，仍有半数以上在继续，因此中位数尚不可知。",
    "lasts_days": "合约天数", "lasts_share": "仍在合约中", "col_days": "天数", "col_reached": "观察到的人数",
    "col_lasts": "仍在合约中", "col_ends": "随后 {days} 天内结束",
    "why_prospect_contract": "有记录，但还没有合约（{kinds}）。",
    "why_new_contract": "首份合约至今不超过 {half} 天。",
    "why_lapsed_contract": "合约到期，没有续约。",
    "risk_lead_contract": (
        "合约期内的客户可以挽留；合约已结束的客户属于召回，是另一项工作。概率低于三分之一为低风险，不低于三分之二为高风险。"
    ),
    # how sentences are put together
    "sentence": "{said}。", "sentence_why": "{said}：{why}。",
    "rejected: no user id": "缺少用户 ID", "rejected: no time": "缺少时间", "rejected: no kind": "缺少事件类型",
    "rejected: unreadable time": "时间无法识别", "rejected: before the year 1900": "时间早于 1900 年",
    "rejected: in the future": "时间在未来", "rejected: value is not a finite number": "金额不是有限数值",
    "rejected: unreadable ingested_at": "入库时间无法识别", "rejected: contains a NUL character": "含有 NUL 字符",
    "rejected: a quote that never closes": "引号没有闭合", "rejected: wrong number of fields": "列数不符",
    "rejected: not a JSON object": "不是 JSON 对象", "rejected: not valid UTF-8 text": "不是有效的 UTF-8 文本",
}  # fmt: skip
