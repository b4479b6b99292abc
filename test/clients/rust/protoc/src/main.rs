//! Prints where protoc is, which the build of the crate `agones` needs and does not bring.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", protoc_bin_vendored::protoc_bin_path()?.display());
    Ok(())
}
