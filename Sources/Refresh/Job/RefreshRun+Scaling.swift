import Learning
import Profiles
import Snapshots
import Storage

/// How a new space scales the columns of its extensions.
extension RefreshRun {
    /// Most users whose profiles are looked at, those first in a mix of their ids.
    ///
    /// A mean of so many is good to 1 % of a standard deviation.
    private static let scaledUserCount = 20_000

    /// Where the step leaves the file.
    var scalingPath: String { directory.output(.scaling) + "/" + ColumnScaling.path }

    /// Fits the scaling to users' profiles at T, as the new space would serve them unscaled.
    ///
    /// Of all users: means and deviations teach no network anything about anybody, and a small shop's
    /// held-out users would be too few.
    func fitScaling(to aside: String) throws {
        var asked = GateOptions()
        asked.memoryByteCount = options.memoryByteCount
        // Everybody is in one half or the other.
        asked.holdOut = HoldOut(share: 1)
        asked.userCount = Self.scaledUserCount / 2
        let model = try ProfileModel(
            statistics: try statistics(.statisticsThen), fold: options.refresh.fold,
            space: try newSpace(), generation: try factors(.factorsThen), hybrid: .extended,
            level: options.level)
        let users = try GateFold(
            host: host, options: options.refresh, window: plan.window, gateOptions: asked
        ) { progress in
            reporter.note(progress.fraction, secondsLeft: progress.secondsLeft)
        }.run([model], targets: model.targets)
        let values = users.views.first?.values ?? []
        try directory.write(
            [ColumnScaling.path: try ColumnScaling.fit(values, model.layout).encoded()], to: aside)
    }
}
