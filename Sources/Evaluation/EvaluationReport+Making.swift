extension EvaluationReport {
    /// A report on rows that were scored on these targets.
    package init(
        targets: EvaluationTargets, network: DownstreamConfiguration, rows: [Row], seconds: Double
    ) {
        self.init(
            split: targets.split, userCount: targets.users.count,
            activeUserCount: targets.activeUserCount,
            trainingPurchases: targets.training.purchases, trainingBuyers: targets.training.buyers,
            validationPurchases: targets.validation.purchases,
            validationBuyers: targets.validation.buyers, network: network.name, rows: rows,
            seconds: seconds)
    }
}
