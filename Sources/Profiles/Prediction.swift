import Encoders
import Kernels
import Learning

/// What the heads and factors of a generation say of a user's next purchases.
package struct Prediction: Sendable, Equatable {
    /// A category or an item of the space's target list.
    package struct Target: Sendable, Equatable {
        package var id: Int64
        /// That it will be bought within the horizon, 0…1: MTL Propensity's sigmoid.
        package var probability: Double
        /// BPR's score, higher for what the user likes more; nil when the user has none.
        package var score: Float?

        package init(id: Int64, probability: Double, score: Float?) {
            self.id = id
            self.probability = probability
            self.score = score
        }
    }

    /// That nothing will be bought within the horizon, 0…1: MTL Churn's sigmoid; nil without it.
    package var churn: Double?
    /// In the order of the space's lists; empty without MTL Propensity.
    package var categories: [Target]
    package var items: [Target]

    package init(churn: Double?, categories: [Target], items: [Target]) {
        self.churn = churn
        self.categories = categories
        self.items = items
    }
}

extension ProfileBuilder {
    /// What the generation predicts of a settled user, at the time the user speaks for.
    package func prediction(_ user: Settled) -> Prediction {
        func targets(_ ids: [Int64], _ logits: [Float], _ scores: [Float]?) -> [Prediction.Target] {
            zip(ids, logits).enumerated().map { place, pair in
                Prediction.Target(
                    id: pair.0, probability: Self.sigmoid(pair.1), score: scores?[place])
            }
        }
        let logits = logits(of: user)
        return Prediction(
            churn: logits.churn.map(Self.sigmoid),
            categories: targets(model.targets.categories, logits.categories, user.categoryScores),
            items: targets(model.targets.items, logits.items, user.itemScores))
    }

    /// What the heads make of a settled user's latent vectors.
    func logits(of user: Settled) -> Logits {
        var logits = Logits()
        if let encoder = model.bank.multiTaskEncoder(.mtlChurn) {
            logits.churn = encoder.outputs(latents: user.latents[.mtlChurn] ?? []).churn.first
        }
        if let encoder = model.bank.multiTaskEncoder(.mtlPropensity) {
            let outputs = encoder.outputs(latents: user.latents[.mtlPropensity] ?? [])
            logits.categories = outputs.categories
            logits.items = outputs.items
        }
        return logits
    }

    /// 1 / (1 + e^−x).
    static func sigmoid(_ x: Float) -> Double { 1 / (1 + Elementary.exp(-Double(x))) }
}
