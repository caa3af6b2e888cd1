import Foundation
import Simulation
import Storage
import TestSupport
import Testing

/// The files of truth, read by numpy, and the oracle that they make.
@Suite struct TruthTests {
    private static func simulate(_ options: SimulationOptions, _ directory: String) throws {
        _ = try ShopSimulator(options: options, directory: directory, host: .real).run()
    }

    /// One part of what the oracle's report says.
    private struct Verdict: Decodable {
        struct Scores: Decodable {
            let users: Int
            let oracle: Double
            let trivial: [String: Double]
            let learned: [String: Double]?
        }
        let churn: Scores
        let categories: Scores
        let faults: [String]
    }

    /// On day 21 the fourteen days asked about hold the shift of day 28; on day 42 it is past.
    @Test(arguments: [(false, 42), (true, 21), (true, 42)])
    func `the truth is calibrated, and beats what is plain to see`(
        hasShift: Bool, cutoffDay: Int
    ) async throws {
        let folder = try TemporaryDirectory()
        try Self.simulate(smallShop(users: 60_000, days: 56, seed: 5, shift: hasShift), folder.path)
        let child = try await Child.run([
            "python3", "-B", goldenPath("simulation_oracle.py"), folder.path, "--json",
            "--cutoff-day", "\(cutoffDay)",
        ])
        let verdict = try JSONDecoder().decode(Verdict.self, from: Data(child.bytes))
        #expect(child.status == 0, "\(verdict.faults)\(child.error)")
        #expect(verdict.churn.users > 500 && verdict.categories.users > 100)
        for (name, score) in verdict.churn.trivial {
            #expect(verdict.churn.oracle > score + 0.04, "\(name): \(score)")
        }
        for (name, score) in verdict.churn.learned ?? [:] {
            #expect(verdict.churn.oracle > score + 0.02, "\(name): \(score)")
        }
        for (name, score) in verdict.categories.trivial {
            #expect(verdict.categories.oracle > score + 0.05, "\(name): \(score)")
        }
        // What is plain to see is worth something all the same: the state shows in behaviour.
        #expect((verdict.churn.trivial["regression on these"] ?? 0) > 0.7)
        // A shift devalues what was bought before it.
        let history = verdict.categories.trivial["product events by category"] ?? 0
        #expect(history > (hasShift ? 0.5 : 0.6))
    }

    @Test func `a truth that tells another user's probabilities is not calibrated`() async throws {
        let folder = try TemporaryDirectory()
        try Self.simulate(smallShop(users: 60_000, days: 56, seed: 5), folder.path)
        _ = try await Child.python(
            """
            import numpy as np, sys
            path = sys.argv[1] + "/truth/churn_probability.npy"
            a = np.load(path)
            for column in a.T:
                told = np.flatnonzero(~np.isnan(column))
                column[told] = column[np.random.default_rng(1).permutation(told)]
            np.save(path, a)
            """, [folder.path]
        ).successful()
        let child = try await Child.run([
            "python3", "-B", goldenPath("simulation_oracle.py"), folder.path,
        ])
        #expect(child.status == 1 && child.output.contains("FAULT reliability"))
    }

    @Test func `numpy loads every file as the manifest describes it`() async throws {
        let folder = try TemporaryDirectory()
        try Self.simulate(smallShop(users: 1500, shift: true), folder.path)
        let child = try await Child.python(
            """
            import hashlib, json, numpy as np, os, sys
            folder = sys.argv[1] + "/truth/"
            manifest = json.load(open(folder + "manifest.json"))
            names = {f["name"] for f in manifest["files"]}
            assert names == set(os.listdir(folder)) - {"manifest.json"}, names
            t = {}
            for f in manifest["files"]:
                a = t[f["name"][:-4]] = np.load(folder + f["name"], allow_pickle=False)
                assert list(a.shape) == f["shape"] and a.dtype == f["dtype"], f
                assert len(f["columns"]) == (a.shape[1] if a.ndim == 2 else 1), f
                data = open(folder + f["name"], "rb").read()
                assert hashlib.sha256(data).hexdigest() == f["digest"]["sha256"], f
                assert len(data) == f["digest"]["bytes"], f
            buy, churn, state = (t[n].astype(float) for n in
                ("buy_probability", "churn_probability", "state"))
            assert buy.shape == (1500, 4) and manifest["cutoff_days"] == [7, 14, 21, 28]
            assert np.array_equal(np.isnan(buy), np.isnan(state))
            assert np.nanmin(buy) >= 0 and np.nanmax(buy) <= 1
            asked = ~np.isnan(churn)
            assert 0 < asked.sum() < asked.size and not np.isnan(buy[asked]).any()
            assert np.abs(churn[asked] + buy[asked] - 1).max() < 1e-3
            assert set(np.unique(state[~np.isnan(state)])) == {0, 1, 2, 3}
            for name in ("department_affinity", "department_affinity_after"):
                assert np.abs(t[name].astype(float).sum(1) - 1).max() < 0.01
            assert np.abs(t["department_affinity"] - t["department_affinity_after"]).max() > 0.1
            items, prices = t["items"], t["item_prices"]
            told = np.where(items[:, 2] >= 14, prices[:, 3],
                np.where(items[:, 2] >= prices[:, 1], prices[:, 2], prices[:, 0]))
            assert manifest["shift_day"] == 14 and np.array_equal(told, items[:, 3])
            assert (prices[:, 1] < 28).any() and (prices[:, 0] != prices[:, 3]).any()
            assert np.abs(t["item_taste"].astype(float).std(0) - 0.35).max() < 0.06
            before, after = (t[n].astype(float) for n in ("taste", "taste_after"))
            kept = [np.corrcoef(before[:, k], after[:, k])[0, 1] for k in range(8)]
            assert before.shape == (1500, 8) and 0.3 < min(kept) and max(kept) < 0.9, kept
            model = manifest["model"]
            assert abs(np.mean(model["weekday_factors"]) - 1) < 0.01
            assert len(model["session_factors"]) == len(model["buy_factors"]) == 4
            arrival = t["users"][:, 0]
            for i, day in enumerate(manifest["cutoff_days"]):
                assert np.array_equal(np.isnan(state[:, i]), arrival >= day)
            """, [folder.path])
        #expect(child.status == 0, "\(child.error)")
    }
}
