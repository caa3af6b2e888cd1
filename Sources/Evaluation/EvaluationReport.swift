/// What an evaluation found, for the text table, for programs (JSON) and for the HTML page.
package struct EvaluationReport: Sendable, Equatable, Codable {
    package static let schema = 1

    package var schema = Self.schema
    package var split: EvaluationSplit
    /// Users whose profiles are scored, and those of them who had bought before the cutoff.
    package var userCount: Int
    package var activeUserCount: Int
    /// Purchases, and users with at least one, in the first and in the second window.
    package var trainingPurchases: Int
    package var trainingBuyers: Int
    package var validationPurchases: Int
    package var validationBuyers: Int
    /// The downstream network: `small`, `published`.
    package var network: String
    /// What was scored, in the order of the table: each part, the whole, the baseline, the oracle.
    package var rows: [Row]
    package var seconds: Double

    /// One representation of the users.
    package struct Row: Sendable, Equatable, Codable {
        /// `profile`, `sra`, `sra + mtl`, `baseline`, `oracle`.
        package var name: String
        /// Columns; 0 for the oracle, which is scores and no embedding.
        package var width: Int
        package var tasks: [TaskResult]
        package var seconds: Double
    }

    /// One task of one row; the challenge's figures of the best epoch.
    package struct TaskResult: Sendable, Equatable, Codable {
        package var task: EvaluationTask
        /// Users scored, labels of a user, true labels in the second window.
        package var users: Int
        package var labels: Int
        package var positives: Int
        /// Macro mean over labels with the challenge's zeros, 0…1.
        package var auroc: Double
        /// Macro mean over labels that have both classes; nil when none has.
        package var definedAUROC: Double?
        /// Of the propensity tasks; nil for binary ones.
        package var diversity: Double?
        package var novelty: Double?
        /// AUROC, or 0.8 AUROC + 0.1 diversity + 0.1 novelty.
        package var score: Double
        /// 0-based; the first of the best.
        package var bestEpoch: Int
        /// The score of each epoch, and its mean training loss.
        package var epochScores: [Double]
        package var epochLosses: [Double]
        /// For the page; empty unless asked for.
        package var curves: Curves?
    }

    /// What the page draws of a binary task, or of a propensity task's labels taken together.
    package struct Curves: Sendable, Equatable, Codable {
        /// Points of the ROC curve, false and true positive rates ascending from 0 to 1; at most 200.
        package var roc: [[Double]]
        /// Mean probability, share of positives and users of each of ten equal parts by probability.
        package var calibration: [[Double]]
    }
}
