import Events

/// What the downstream network learns and is scored on: labels of every task in both windows
/// (reference/evaluation-protocol.md §2).
///
/// The challenge ships its label lists and its active clients, and both have looked into the target
/// windows. Ours have not: who is active is decided by purchases before the cutoff, and lists hold
/// what was bought in the first window, which the network is trained on anyway. That is stricter.
package struct EvaluationTargets: Sendable {
    /// The challenge's length of a list.
    package static let defaultLabelLimit = 100

    package let split: EvaluationSplit
    /// Users asked about, ascending; labels name them by their index here.
    package let users: [UserID]
    /// Whether a user bought something before the cutoff: who `churn` is asked of.
    package let isActive: [Bool]
    /// All six, in the order of `EvaluationTask.allCases`; a list may be empty.
    package let tasks: [TaskTargets]
    /// Purchases of `users` in each window, and users with at least one.
    package let training: WindowCounts
    package let validation: WindowCounts

    /// One task's labels.
    package struct TaskTargets: Sendable, Equatable {
        package let task: EvaluationTask
        /// What a propensity task's labels stand for, in the order of the outputs: categories,
        /// skus, price buckets; empty for binary tasks.
        package let ids: [Int64]
        /// Purchases of each label in the first window, in the same order.
        package let popularity: [Double]
        /// Labels of each user in the first and in the second window.
        package let training: SparseLabels
        package let validation: SparseLabels

        /// Outputs of the network: 1, or the list's length, which may be 0.
        package var labelCount: Int { task.isBinary ? 1 : ids.count }
    }

    /// What was bought in a window.
    package struct WindowCounts: Sendable, Equatable {
        package var purchases = 0
        package var buyers = 0
        /// Purchases of items that the catalogue gives no category or no price: the organisers
        /// refuse such data, here the label in question stays away.
        package var withoutCategory = 0
        package var withoutPrice = 0
    }

    /// True labels of users, by index ascending, one after the other.
    package struct SparseLabels: Sendable, Equatable {
        /// `[users + 1]` where each user's labels begin in `places`.
        package let starts: [UInt32]
        /// Places in the list, ascending within a user; 0 for a binary task's one label.
        package let places: [UInt16]

        /// True labels of a user.
        package func labels(of user: Int) -> ArraySlice<UInt16> {
            places[Int(starts[user])..<Int(starts[user + 1])]
        }
        /// True labels of all users.
        package var count: Int { places.count }
    }

    package var activeUserCount: Int { isActive.count { $0 } }

    /// A task's labels.
    package subscript(task: EvaluationTask) -> TaskTargets {
        tasks[EvaluationTask.allCases.firstIndex(of: task) ?? 0]
    }
}
