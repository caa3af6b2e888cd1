import TestSupport
import Testing

/// docs/operations.md, whose commands `make test-systemd` runs.
@Suite struct HandbookTests {
    private static let script = "\(Programs.root)/scripts/test_systemd_docs.py"

    @Test func `each block of commands says whether it is run, and why not`() async throws {
        let check = try await Child.run([
            "python3", Self.script, "--check", "\(Programs.root)/docs/operations.md",
        ])
        #expect(check.status == 0, "\(check.error)")
    }

    @Test(
        arguments: [
            ("<!-- run -->\n```sh\nfalse\n```\n", "exit 1"),
            ("```sh\ntrue\n```\n", "without a mark"),
            ("<!-- run -->\nWords between.\n```sh\ntrue\n```\n", "without a mark"),
            ("nothing\n", "0 blocks"),
        ])
    func `a block that fails, or is not marked, is an error`(
        text: String, reason: String
    ) async throws {
        let directory = try TemporaryDirectory()
        let page = "\(directory.path)/page.md"
        _ = try await Child.run(["tee", page], input: text).successful()
        let check = try await Child.run(["python3", Self.script, page])
        #expect(check.status == 1 && check.error.contains(reason), "\(check.error)")
        _ = consume directory
    }

    @Test func `a block that holds is run, and one that is left out is named`() async throws {
        let directory = try TemporaryDirectory()
        let page = "\(directory.path)/page.md"
        let text = """
            <!-- run -->
            ```sh
            touch \(directory.path)/ran
            ```
            <!-- skip: it takes hours -->
            ```sh
            false
            ```
            <!-- run if false -->
            ```sh
            false
            ```
            """
        _ = try await Child.run(["tee", page], input: text).successful()
        let check = try await Child.run(["python3", Self.script, page]).successful()
        #expect(check.output.contains("it takes hours") && check.output.contains("1 of 3"))
        _ = try await Child.run(["test", "-e", "\(directory.path)/ran"]).successful()
        _ = consume directory
    }
}
