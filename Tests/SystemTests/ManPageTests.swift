import Foundation
import TestSupport
import Testing

/// Man pages and completions, both made of what the programs say of themselves.
@Suite struct ManPageTests {
    private func pages(in folder: borrowing TemporaryDirectory) async throws {
        let made = try await Child.run([
            "python3", "\(Programs.root)/scripts/man.py", Programs.directory, folder.path,
        ])
        try #require(made.status == 0, "\(made.error)")
    }

    private func page(_ name: String, _ folder: borrowing TemporaryDirectory) throws -> String {
        try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8)
    }

    @Test(arguments: ["ubpd.8", "ubpctl.1", "ubpd.yaml.5"])
    func `groff finds nothing wrong with a page`(name: String) async throws {
        let folder = try TemporaryDirectory()
        try await pages(in: folder)
        let read = try await Child.run([
            "groff", "-man", "-Tutf8", "-ww", "-z", "\(folder.path)/\(name)",
        ])
        #expect(read.status == 0 && read.output.isEmpty && read.error.isEmpty, "\(read.error)")
    }

    @Test func `every key stands in ubpd.yaml(5), with its default`() async throws {
        let folder = try TemporaryDirectory()
        try await pages(in: folder)
        let text = try page("ubpd.yaml.5", folder).replacing("\\-", with: "-")
        let keys = try await Programs.ubpd(["check-config", "--keys"]).output
            .split(separator: "\n").filter { !$0.hasPrefix(" ") }
            .compactMap { $0.split(separator: " ").first }
        #expect(keys.count > 50)
        for key in keys { #expect(text.contains("\\fB\(key)\\fR: "), "\(key)") }
    }

    @Test(arguments: [("ubpd.8", "ubpd"), ("ubpctl.1", "ubpctl")])
    func `every command that help names has its section`(
        name: String, program: String
    ) async throws {
        let folder = try TemporaryDirectory()
        try await pages(in: folder)
        let text = try page(name, folder).replacing("\\-", with: "-")
        let help = try await Child.run(["\(Programs.directory)/\(program)", "--help"]).output
        let listed = help.split(separator: "\n").drop { $0 != "SUBCOMMANDS:" }.dropFirst()
            .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.contains("See '") }
            .compactMap { $0.split(separator: " ").first }
        #expect(listed.count > 5)
        for command in listed {
            #expect(
                text.contains("\n.SS \(command)\n") || text.contains("\n.SS \(command) "),
                "\(command)")
        }
    }

    @Test(arguments: ["ubpd", "ubpctl"])
    func `bash reads the completions and knows the commands by them`(program: String) async throws {
        let path = "\(Programs.directory)/\(program)"
        let completed = try await Child.run([
            "bash", "-c",
            """
            set -e
            eval "$("$1" --generate-completion-script bash)"
            complete -p \(program) >&2
            COMP_WORDS=(\(program) ver) COMP_CWORD=1 COMP_LINE='\(program) ver' COMP_POINT=${#COMP_LINE}
            _\(program) \(program) ver \(program)
            echo "${COMPREPLY[*]}"
            """, "bash", path,
        ])
        #expect(completed.status == 0, "\(completed.error)")
        #expect(completed.output.contains(program == "ubpd" ? "verify" : "version"))
        let zsh = try await Child.run([path, "--generate-completion-script", "zsh"])
        #expect(zsh.output.hasPrefix("#compdef \(program)"))
        let fish = try await Child.run([path, "--generate-completion-script", "fish"])
        #expect(fish.output.contains("complete -c '\(program)'"))
    }

    /// What stands on a command line, and what bash offers behind it in a directory that holds
    /// `alpha.yaml` and the directory `beta`.
    private static let offers: [(line: String, offered: String)] = [
        ("ubpctl snapshot re", "release"),
        ("ubpctl --json profile get --encoding f", "float16 float32"),
        ("ubpctl profile history 5 --encoding nu", "numbers"),
        ("ubpctl daemon log-level w", "warning"), ("ubpctl profile batch a", "alpha.yaml"),
        ("ubpctl --socket a", "alpha.yaml"), ("ubpctl user export 5 --output a", "alpha.yaml"),
        ("ubpctl snapshot create --clients a", "alpha.yaml"), ("ubpd run --config a", "alpha.yaml"),
        ("ubpd refresh --log-dir b", "beta"), ("ubpd run --state-dir b", "beta"),
        ("ubpd import --in a", "alpha.yaml"), ("ubpd evaluate --snapshot b", "beta"),
        ("ubpd simulate --out b", "beta"),
    ]

    @Test(arguments: Self.offers)
    func `bash offers files, directories and words where they stand`(
        line: String, offered: String
    ) async throws {
        let folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/beta", withIntermediateDirectories: false)
        try Data().write(to: URL(filePath: "\(folder.path)/alpha.yaml"))
        let completed = try await Child.run([
            "bash", "-c",
            """
            cd "$2" || exit
            read -ra COMP_WORDS <<<"$3"
            program=${COMP_WORDS[0]}
            eval "$("$1/$program" --generate-completion-script bash)"
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$3 COMP_POINT=${#3}
            _$program $program "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
            """, "bash", Programs.directory, folder.path, line,
        ])
        #expect(completed.output == offered + "\n", "\(completed.error)")
    }
}
