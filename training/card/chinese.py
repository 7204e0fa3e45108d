"""Every sentence of the model card in Chinese, and those that the report for operations shares with it."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    # the page
    "lang": "zh-Hans", "card_title": "模型说明卡",
    "card_lead": "供工程师查阅：模型由什么数据得来、如何评判、不可用于何处。",
    "card_reading": "方括号内为按客户计算的 95% 区间。日期均为 UTC。引号中的句子、列名和标记取自训练日志。",
    "card_made": "写于 {now}，对应评分时点 {as_of}。", "card_of": "{name}，第 {version} 版",
    "card_task_churn": "流失", "card_task_conversion": "转化", "card_task_ltv": "价值", "card_quoted": "“{said}”",
    "card_range": "{low} 至 {high}", "card_unit_points": "百分点", "card_unit_amount": "金额",
    # what it is
    "card_what": "模型概况", "card_question": "问题", "card_model": "模型", "card_candidate": "胜出的候选",
    "card_grade": "证据等级", "card_grade_reasons": "未能更高的原因", "card_no_reasons": "无", "card_data": "数据",
    "card_data_line": "{events} 条事件，{users} 位用户，完整至 {until}", "card_catalog": "特征",
    "card_catalog_line": "{features} 个特征，{inputs} 个输入，窗口 {windows} 天", "card_calibration": "校准",
    "card_as_given": "按模型原样给出", "card_base": "原因的起点", "card_rhythm": "节奏模型",
    "card_healthy": "无异常标记", "card_left_out": "未使用的列", "card_prints": "指纹",
    "card_prints_line": "数据 {data}；特征 {catalog}；模型包格式 {format}",
    # the periods
    "card_time": "学习与评判所用的时期",
    "card_time_lead": (
        "共 {n} 个标签窗口，每个 {days} 天，从提问时点到向前观察的终点。在用于评判的窗口上，"
        "所用模型只从当时已结束的窗口、且只从其他客户学习。"
    ),
    "card_refit": "现用模型随后用全部窗口重新拟合；本页所有数字均来自未见过评判数据的模型。",
    "card_windows": "全部标签窗口", "card_as_of": "时点", "card_rows": "行数", "card_mean": "平均结果",
    "card_role": "用途", "card_role_learned": "用于学习", "card_role_judged": "先评判，后用于学习",
    "card_role_test": "最后一个窗口：先作检验，后用于学习", "card_data_end": "数据截至 {until}",
    # the test
    "card_test": "检验窗口", "no_test": "这个模型没有附带检验结果，无法判断好坏。请用 `winback train` 重新训练。",
    "card_test_line": "{start} 至 {end}，{rows} 行，其中 {positives} 行为正例", "card_unseen": "跨时间检验",
    "card_same": "非跨时间检验：同一窗口的另一批客户", "card_same_rows": "候选也在这些行上选出",
    "card_uncalibrated": "未经校准：当时还没有可用的跨时间窗口", "card_metric": "指标", "card_point": "数值",
    "card_low": "95% 下限", "card_high": "95% 上限", "card_reliability": "可靠性",
    "card_read_reliability": "落在细线上，表示预测与实际一致。竖条为 95% 区间。",
    "card_reliability_table": "可靠性的数值", "card_predicted": "预测", "card_observed": "实际",
    "card_deciles": "各组的预测值与实际值", "card_tenth": "十等分", "card_promised": "预测", "card_came": "实际",
    # metrics
    "card_metric_auc": "AUC", "card_metric_log_loss": "对数损失", "card_metric_brier": "Brier 分数",
    "card_metric_average_precision": "平均精确率", "card_metric_ece": "校准误差（ECE）",
    "card_metric_calibration_slope": "校准斜率（1 为正确）",
    "card_metric_calibration_intercept": "校准截距（0 为正确）", "card_metric_calibration_gap": "预测减实际",
    "card_metric_slope": "斜率", "card_metric_intercept": "截距", "card_metric_lift_10": "前十分之一的提升",
    "card_metric_capture_10": "前十分之一的覆盖", "card_metric_normalized_gini": "归一化 Gini",
    "card_metric_spearman": "Spearman 秩相关", "card_metric_mae": "平均绝对误差", "card_metric_bias": "总额偏差",
    "card_metric_deviance": "Tweedie 偏差", "card_metric_coverage_80": "落在 80% 区间内",
    "card_metric_coverage_90": "落在 90% 区间内", "card_metric_decile_mape": "十等分平均误差（MAPE）",
    # the back-test
    "card_backtest": "逐窗口回测",
    "card_backtest_lead": "在每个窗口上，候选、校准与总额水平都只用当时已知的信息确定，与真实预测一样。",
    "card_read_small": "小图：预测与实际的对照，各窗口坐标相同。", "card_rate": "实际比例",
    "card_mean_amount": "平均金额", "card_pooled": "合计", "card_same_period": "同一时期",
    # what to expect
    "card_expected": "今日评分预计的 AUC", "card_expected_short": "今日预计 AUC",
    "card_expected_lead": (
        "今日评分的 AUC 预计约为 <b>{auc}</b>。它由今日概率自身所隐含的 AUC，加上以往窗口的实际偏移得到。"
    ),
    "card_expected_errors": "以往窗口的“实际减预计”：{errors}。",
    "card_expected_alone": "目前还没有跨时间窗口可以说明这种预计的误差。", "card_level": "总量：预测与实际",
    "card_level_lead": "预测会发生的人数与实际人数。", "card_level_lead_amount": "预测的总额与实际总额。",
    "card_level_aggregate": "总额取自总体预测（Pareto/NBD 与 Gamma-Gamma）；模型只决定由谁带来。",
    "card_level_own": "总额取自排序模型自身，并按以往窗口的水平校正。", "card_off": "偏差（%）",
    "card_forecast": (
        "对今日所有被评估者的预测合计：<b>{forecast}</b>；若误差与以往窗口相当（约 {error}），"
        "则在 {low} 至 {high} 之间。"
    ),
    "card_forecast_alone": "对今日所有被评估者的预测合计：<b>{forecast}</b>；还没有窗口可以说明这类合计的误差。",
    # how sure
    "card_width": "单个评分有多确定",
    "card_width_lead": (
        "Venn-Abers：因证据不足，校准后的概率可能落在两个概率之间；对象为今日的 {n} 位客户。"
        "越宽表示见过的同类客户越少。"
    ),
    "card_width_median": "半数客户：不超过", "card_width_p90": "九成客户：不超过",
    "card_width_widest": "最不确定的客户", "card_points": "百分点", "card_customers": "客户数",
    "card_width_lead_amount": (
        "按预测价值分层（{tiers} 层）的共形区间：所示比例的客户，其实际价值落在该区间之内。"
        "实际覆盖情况见上方指标。"
    ),
    "card_holds": "覆盖 {share} 的客户",
    # by segment
    "card_segments": "按客户类型",
    "card_segments_lead": "基于 {at} 之后的窗口。行数或案例过少的类型不给出数字，以免误导。", "card_segment": "类型",
    "card_cases": "案例数", "card_cases_amount": "有消费的行数", "card_too_few": "过少",
    "card_segment_of": "{by}：{name}", "card_by_value": "以往价值", "card_by_activity": "以往活跃度",
    "card_by_tenure": "客户时长", "card_by_stage": "生命周期阶段", "card_tier_none": "无", "card_tier_low": "低",
    "card_tier_middle": "中", "card_tier_high": "高", "card_tenure_none": "无", "card_tenure_new": "新",
    "card_tenure_middle": "中", "card_tenure_old": "老", "stage_prospect": "潜在客户", "stage_new": "新客",
    "stage_active": "活跃", "stage_returning": "回流", "stage_slipping": "流失预警", "stage_lapsed": "已流失",
    "stage_left": "已取消",
    # candidates
    "card_candidates": "检验窗口上的候选", "card_candidate_short": "候选", "card_chosen": "选择理由：“{reason}”。",
    "card_choice_at": "选择所用窗口的时点：{moments}，各 {days} 天。",
    "card_choice_at_same": "选择所用窗口的时点：{moments}，各 {days} 天；历史较短，用的是同一时期的其他客户。",
    "card_raw": (
        "按原样列出，未经校准。“减胜者”：该候选的损失减去校准后胜者的损失（按客户配对自助法）；大于 0 表示较差。"
    ),
    "card_loss_chosen": "选择时的损失", "card_loss_test": "检验时的损失", "card_minus": "减胜者（95%）",
    "card_by_window": "各窗口的损失", "rung_recency": "简单规则：距上次活跃的天数",
    "rung_bg_nbd": "BG/NBD（购买节奏模型）", "rung_pareto_nbd": "Pareto/NBD（购买节奏模型）",
    "rung_rfm": "回归：最近、频次、金额", "rung_boosted": "提升树：全部特征", "rung_blend": "回归与提升树的平均",
    "rung_blend_btyd": "Pareto/NBD、回归与树模型的平均",
    # curves
    "card_sizes": "树模型需要多大",
    "card_sizes_lead": (
        "较早窗口上的损失，与精确解释一个评分所需的代价对照。在不显著差于最优者中，取代价最低的一个（红点）。"
    ),
    "card_sizes_plot": "损失与代价（轮数 × 深度）", "card_size": "轮数 × 深度", "card_cost": "代价（相对最大者）",
    "card_cost_axis": "轮数 × 深度，按解释代价排列", "card_loss": "损失", "card_against_best": "减最优者",
    "card_learning": "更多数据是否有用",
    "card_learning_lead": (
        "让所选候选只用部分数据学习，并在最后一个窗口的同一批其他客户上评判。若曲线右端仍在下降，"
        "更多数据就会有用。"
    ),
    "card_by_customers": "按客户数量", "card_by_cutoffs": "按学习时点的数量", "card_cutoffs": "时点数",
    "card_customers_table": "按客户数量的数值", "card_cutoffs_table": "按学习时点数量的数值",
    # reasons
    "card_drivers": "评分的驱动因素",
    "card_drivers_lead": "各类因素对校准后评分的精确贡献，取今日客户样本的平均大小。它说明模型看重什么，并非因果。",
    "card_drivers_plot": "对评分的平均影响（{unit}）", "card_drivers_by_segment": "按客户类型的平均影响（{unit}）",
    "card_concept": "概念", "card_effect": "影响", "card_swarm": "影响最大的输入，逐客户",
    "card_swarm_lead": "每个点是同一批 {n} 位客户中的一位：偏右表示该输入抬高评分，偏左表示压低。",
    "card_effect_axis": "对评分的影响（{unit}）", "card_inputs": "各输入的数值", "card_input": "输入",
    "card_value_low": "低值", "card_value_middle": "中等", "card_value_high": "高值", "card_value_missing": "未知",
    "card_dependence": "取值与影响的关系",
    "card_dependence_lead": (
        "影响最大的几个输入，对象为同样的 {n} 位客户。同一取值上下分散，表示其他输入改变了它的作用。"
    ),
    "card_value": "取值", "card_stability": "换一批客户学习，原因是否相同",
    "card_stability_lead": (
        "用两份按客户重抽的样本（{refits} 行）重新拟合该候选，再为同样的 {customers} 位客户给出原因；"
        "共使用 {concepts} 类因素。"
    ),
    "card_stability_says": (
        "<b>{share}</b> 的客户，其首要原因及方向在两次拟合中一致。会随样本改变的原因，不应当作事实告知客户。"
    ),
    "card_stability_still": "该候选不从结果中学习：其参数来自历史记录，因此重新拟合不会改变原因。",
    "card_top_agrees": "首要原因及方向一致", "card_two_of_three_agree": "前三个原因中至少两个相同",
    "card_rank_mean": "各类因素的秩相关，客户平均", "card_rank_lowest_tenth": "最不一致的十分之一客户：不超过",
    "card_score_change": "两次评分的平均差距（{unit}）", "card_figure": "指标",
    # what was checked
    "card_leaks": "泄漏检查", "card_leaks_none": "本次训练运行了 {ran} 项检查，没有发现问题。",
    "card_leaks_found": "本次训练运行了 {ran} 项检查；<b>{n} 项警报</b>：", "card_alarm": "警报：{said}",
    "card_not_looked": "未检查：{kind}，{why}。", "card_detectors": "已运行的检查", "card_detector": "检查",
    "card_looked_at": "检查的行、用户或事件数", "card_compared": "与前一个模型相比",
    # what it is not for
    "card_not": "不可用于",
    "card_not_1": (
        "判断谁能被打动。模型预测的是在没有活动干预时谁会流失、购买或带来价值；联系能改变谁，"
        "需要留出对照组的实验来回答。"
    ),
    "card_not_2": "对个人有法律或类似重大影响的决定：信贷、定价、保险、雇佣、拒绝服务。",
    "card_not_3": "推断因果。影响因素是模型看重的信息，改变它未必改变结果。",
    "card_not_4": "用于以上定义、期限或人群之外的场合，或训练之后事件记录方式已经改变的数据。",
    "card_not_5": "百分位与分档只是排名和范围，只有概率才是概率。",
    # how sentences are put together
    "definition_contract": "<b>流失</b>：{days} 天内{ends}{gap}；评估对象：合约期内的客户（{holds}）。",
    "holds_term": "最近 {term} 天内有{kinds}",
    "holds_grace": "最近 {term} 天（另加 {grace} 天宽限）内有{kinds}",
    "holds_since": "{said}，此后没有{cancel}",
    "runs_out": "合约到期未续",
    "list_separator": "、", "or": "或", "and_more": "{said}等共 {all} 种",
    "definition_churn": "<b>流失</b>：{days} 天内没有{kinds}{cancel}{gap}。",
    "definition_cancel": "，或在此期间发生{kinds}",
    "definition_conversion": "<b>转化</b>：{days} 天内{kinds}{gap}；评估对象：{eligible}。",
    "definition_ltv": "<b>价值</b>：{days} 天内{kinds}的{value}之和{gap}。",
    "definition_gap": "（自评分之日起 {gap} 天后开始计算）", "asked_any": "所有人",
    "asked_below": "{kind}少于 {n} 次的用户", "asked_none": "尚未{kind}的用户",
    "asked_least": "{kind}不少于 {n} 次的用户", "the_value": "金额", "the_column": "{column} 列",
}  # fmt: skip
