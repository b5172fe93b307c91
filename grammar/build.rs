//! Generates the parser into `OUT_DIR` and, with the `codegen` feature, names the LLVM libraries to link.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The parts of LLVM that the BPF back end and inkwell's wrapper refer to; anything more only grows the binary.
const LLVM_COMPONENTS: [&str; 4] = ["bpf", "passes", "executionengine", "irreader"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=grammar");
    lalrpop::Configuration::new()
        .set_in_dir("grammar")
        .set_out_dir(std::env::var("OUT_DIR")?)
        .process()?;
    if std::env::var_os("CARGO_FEATURE_CODEGEN").is_some() {
        link_llvm()?;
        link_compactly()?;
    }
    Ok(())
}

/// LLVM is linked statically, so that a user installs ebtrace by copying one file.
fn link_llvm() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=LLVM_CONFIG");
    let config = std::env::var("LLVM_CONFIG").unwrap_or_else(|_| "llvm-config-19".to_owned());
    let ask = |args: &[&str]| -> Result<String, Box<dyn Error>> {
        let output =
            Command::new(&config).arg("--link-static").args(args).output().map_err(|error| {
                format!("cannot run {config}: {error}; install the Debian package llvm-19-dev")
            })?;
        if !output.status.success() {
            return Err(
                format!("{config} failed: {}", String::from_utf8_lossy(&output.stderr)).into()
            );
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    println!("cargo:rustc-link-search=native={}", ask(&["--libdir"])?);
    for library in ask(&[&["--libnames"], &LLVM_COMPONENTS[..]].concat())?.split_whitespace() {
        let name = library.trim_start_matches("lib").trim_end_matches(".a");
        println!("cargo:rustc-link-lib=static:-bundle={name}");
    }
    for library in ["zstd", "z", "stdc++"] {
        println!("cargo:rustc-link-search=native={}", directory_of(library)?);
        println!("cargo:rustc-link-lib=static:-bundle={library}");
    }
    Ok(())
}

/// What is started should need nothing but glibc, and do little before `main`.
fn link_compactly() -> Result<(), Box<dyn Error>> {
    // Rust's own library asks for `libgcc_s`; the linker finds a note here that the static library is meant.
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let static_form = directory_of("gcc_eh")?;
    let note = format!("GROUP({static_form}/libgcc_eh.a {static_form}/libgcc.a)\n");
    std::fs::write(out.join("libgcc_s.so"), note)?;
    println!("cargo:rustc-link-search=native={}", out.display());
    let script = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("src/codegen/llvm.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    println!("cargo:rustc-link-arg=-Wl,-T,{}", script.display());
    // LLVM's tables have 70,000 addresses, each of which takes 24 bytes in the older form.
    println!("cargo:rustc-link-arg=-Wl,-z,pack-relative-relocs");
    Ok(())
}

/// Where the C++ compiler keeps the static form of a library.
fn directory_of(library: &str) -> Result<String, Box<dyn Error>> {
    let output = Command::new("c++").arg(format!("-print-file-name=lib{library}.a")).output()?;
    let path = String::from_utf8(output.stdout)?;
    match path.trim().rsplit_once('/') {
        Some((directory, _)) => Ok(directory.to_owned()),
        None => {
            Err(format!("lib{library}.a is missing; install libzstd-dev, zlib1g-dev and g++")
                .into())
        }
    }
}
